/**
 * Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4). A family keeps a bounded number
 * of series: what labels beyond that are counted as `other`.
 */

export type Labels = Readonly<Record<string, string>>;

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Series of one family: labels are meant to have few values, and a fault that gives them many must not fill memory. */
const MOST_SERIES = 500;

interface About {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
}

/** One number for each set of labels. */
export class Values {
  readonly #series = new Series(() => ({ value: 0 }));

  inc(labels: Labels = {}, by = 1): void {
    this.#series.of(labels).value += by;
  }

  set(value: number, labels: Labels = {}): void {
    this.#series.of(labels).value = value;
  }

  *lines(name: string): Generator<string, undefined> {
    for (const [labels, { value }] of this.#series.all()) yield sample(name, labels, value);
  }
}

/** How many observations are within each bound, their number and their sum. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #series: Series<{ counts: number[]; count: number; sum: number }>;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#series = new Series(() => ({ counts: bounds.map(() => 0), count: 0, sum: 0 }));
  }

  observe(value: number, labels: Labels = {}): void {
    const series = this.#series.of(labels);
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) (series.counts[at] as number) += 1;
    series.count += 1;
    series.sum += value;
  }

  *lines(name: string): Generator<string, undefined> {
    for (const [labels, { counts, count, sum }] of this.#series.all()) {
      let within = 0;
      for (const [i, bound] of this.#bounds.entries()) {
        within += counts[i] as number;
        yield sample(`${name}_bucket`, { ...labels, le: numeral(bound) }, within);
      }
      yield sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
      yield sample(`${name}_sum`, labels, sum);
      yield sample(`${name}_count`, labels, count);
    }
  }
}

/** All families, and what is looked at when they are asked for. */
export class Registry {
  readonly #families = new Map<string, About & { samples(): Iterable<string> }>();
  readonly #readings: (() => void | Promise<void>)[] = [];

  counter(name: string, help: string): Pick<Values, "inc"> {
    return this.#add({ name, help, type: "counter" }, new Values());
  }

  /** A counter that somebody else counts: it is set. */
  counted(name: string, help: string): Pick<Values, "set"> {
    return this.#add({ name, help, type: "counter" }, new Values());
  }

  gauge(name: string, help: string): Pick<Values, "inc" | "set"> {
    return this.#add({ name, help, type: "gauge" }, new Values());
  }

  histogram(name: string, help: string, bounds: readonly number[]): Pick<Histogram, "observe"> {
    return this.#add({ name, help, type: "histogram" }, new Histogram(bounds));
  }

  /** Called before each answer, to set what is not counted as it happens. One that fails leaves its families as they were. */
  reading(read: () => void | Promise<void>): void {
    this.#readings.push(read);
  }

  async text(): Promise<string> {
    for (const read of this.#readings) {
      try {
        await read();
      } catch {
        // The others are worth having, most of all when something is wrong.
      }
    }
    const lines: string[] = [];
    for (const { name, help, type, samples } of this.#families.values()) {
      lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...samples());
    }
    return `${lines.join("\n")}\n`;
  }

  #add<T extends { lines(name: string): Iterable<string> }>(about: About, family: T): T {
    if (!/^[a-z_][a-z0-9_]*$/.test(about.name) || this.#families.has(about.name)) {
      throw new Error(`the metric ${about.name} is there already, or no name`);
    }
    this.#families.set(about.name, { ...about, samples: () => family.lines(about.name) });
    return family;
  }
}

/** What is kept for each set of labels. */
class Series<T> {
  readonly #fresh: () => T;
  readonly #byLabels = new Map<string, [Labels, T]>();

  constructor(fresh: () => T) {
    this.#fresh = fresh;
  }

  of(labels: Labels): T {
    const key = Object.values(labels).join("\0");
    const found = this.#byLabels.get(key);
    if (found) return found[1];
    if (this.#byLabels.size >= MOST_SERIES && !Object.values(labels).every((value) => value === "other")) {
      return this.of(Object.fromEntries(Object.keys(labels).map((name) => [name, "other"])));
    }
    const made = this.#fresh();
    this.#byLabels.set(key, [labels, made]);
    return made;
  }

  all(): Iterable<[Labels, T]> {
    return this.#byLabels.values();
  }
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`,
  );
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${numeral(value)}`;
}

/** In HELP and in labels: a line must stay a line. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numeral(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
