/** Reads Prometheus's text format 0.0.4 as strictly as it is written down: anything else is an error. */

export interface Family {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const SUFFIXES: Record<string, string[]> = {
  histogram: ["_bucket", "_sum", "_count"],
  counter: [""],
  gauge: [""],
};

/** Families by name. @throws Error with the line that is wrong */
export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current = "";
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  for (const line of text.slice(0, -1).split("\n")) {
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    const [, kind, about = "", rest = ""] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (families.has(about)) throw wrong("a second HELP, or a family in two places");
      families.set(about, { type: "", help: rest, samples: [] });
      current = about;
      continue;
    }
    const family = families.get(current);
    if (!family) throw wrong("nothing says what this is");
    if (kind === "TYPE") {
      if (about !== current || family.type !== "" || !(rest in SUFFIXES)) throw wrong("a TYPE out of place");
      family.type = rest;
      continue;
    }
    const [, name = "", , inner = "", number = ""] =
      /^([a-zA-Z_:][\w:]*)(\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\[\\n"])*",?)*)\})? (\S+)$/.exec(line) ?? [];
    if (!SUFFIXES[family.type]?.some((suffix) => name === current + suffix))
      throw wrong("no sample of its family");
    const labels: Record<string, string> = {};
    for (const [, label = "", value = ""] of inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)",?/g)) {
      if (label in labels) throw wrong("a label twice");
      labels[label] = value.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char));
    }
    const value = number === "+Inf" ? Number.POSITIVE_INFINITY : Number(number);
    if (Number.isNaN(value) && number !== "NaN") throw wrong("no number");
    const id = name + JSON.stringify(Object.entries(labels).sort());
    if (seen.has(id)) throw wrong("a sample twice");
    seen.add(id);
    family.samples.push({ name, labels, value });
  }
  for (const [name, family] of families) {
    if (family.type === "") throw new Error(`${name} has no TYPE`);
    if (family.type === "histogram") checkHistogram(name, family);
    if (family.type === "counter" && !name.endsWith("_total"))
      throw new Error(`${name} is a counter, and not called so`);
  }
  return families;
}

/** Buckets grow, end with +Inf, and that one is the count. */
function checkHistogram(name: string, { samples }: Family): void {
  const series = new Map<string, { le: number; value: number }[]>();
  const counts = new Map<string, number>();
  for (const sample of samples) {
    const { le = "", ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    if (sample.name.endsWith("_count")) counts.set(key, sample.value);
    if (!sample.name.endsWith("_bucket")) continue;
    const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
    series.set(key, [...(series.get(key) ?? []), { le: bound, value: sample.value }]);
  }
  for (const [key, buckets] of series) {
    const grows = buckets.every(({ le, value }, i) => {
      const before = buckets[i - 1];
      return before === undefined || (before.le < le && before.value <= value);
    });
    const last = buckets.at(-1);
    if (!grows || last?.le !== Number.POSITIVE_INFINITY || last.value !== counts.get(key))
      throw new Error(`the buckets of ${name}${key} are not right`);
  }
}

/** The value of the one sample with these labels; 0 where there is none. */
export function sampleOf(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(count|sum|bucket)$/, ""));
  const found = family?.samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  if (!family || (found?.length ?? 0) > 1) throw new Error(`no metric ${name}, or several`);
  return found?.[0]?.value ?? 0;
}
