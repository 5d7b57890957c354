/** Progress on standard error: a line that is drawn over itself on a terminal, a line now and then elsewhere. */

import { duration } from "./terminal.ts";

/** Progress of the work; `total` is null when it is not known. */
export interface Step {
  /** What is being done. */
  phase: string;
  done: number;
  total: number | null;
  /** More about it, what matters most first: a narrow terminal shows the first parts only. */
  text: (rate: number) => string[];
}

/** Without a terminal: the time to the first line, and between lines. */
const lineAfterMs = { first: 2_000, next: 10_000 };

/** Where progress goes. */
export type Mode = "bar" | "lines" | "none";

/** One piece of work, from its start to `stop`. */
export class Progress {
  readonly #mode: Mode;
  #phase = "";
  #rate = new Rate();
  /** What is on the terminal now, or the last line. */
  #drawn = "";
  #lineAt = performance.now() + lineAfterMs.first;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  update(step: Step): void {
    if (this.#mode === "none") return;
    if (step.phase !== this.#phase) {
      this.#phase = step.phase;
      this.#rate = new Rate();
    }
    const rate = this.#rate.at(step.done);
    if (this.#mode === "bar") {
      this.#draw(barLine(step, rate, process.stderr.columns || 80));
    } else if (performance.now() >= this.#lineAt) {
      this.#lineAt = performance.now() + lineAfterMs.next;
      const line = `${step.phase}: ${[percentOf(step), ...step.text(rate)].filter(Boolean).join(", ")}`;
      // A server may ask to wait for a day: that is said once.
      if (line !== this.#drawn) process.stderr.write(`${line}\n`);
      this.#drawn = line;
    }
  }

  /** A line above the bar, which stays. */
  note(text: string): void {
    if (this.#mode !== "bar") {
      process.stderr.write(`${text}\n`);
      return;
    }
    const bar = this.#drawn;
    this.#draw("");
    process.stderr.write(`${text}\n`);
    this.#draw(bar);
  }

  /** Takes the bar away. */
  stop(): void {
    if (this.#mode === "bar") this.#draw("");
  }

  #draw(line: string): void {
    if (line === this.#drawn) return;
    this.#drawn = line;
    // To the first column, the line, and away with what is left of the one before. The cursor stays to be seen: however
    // this process ends, the terminal is as it was.
    process.stderr.write(`\r${line}\x1b[K`);
  }
}

/** The line for a terminal of `columns` columns: one shorter, or it would wrap. */
export function barLine(step: Step, rate: number, columns: number): string {
  const texts = step.text(rate);
  const percent = percentOf(step);
  const bars = percent === "" ? [""] : [24, 12, 0].map((width) => bar(step, width));
  for (; ; texts.pop()) {
    for (const drawn of bars) {
      const line = [step.phase, drawn, percent.padStart(drawn === "" ? 0 : 5), ` ${texts.join(", ")}`]
        .filter((part) => part !== "")
        .join(" ");
      if (line.length < columns) return line;
      if (texts.length <= 1 && drawn === bars.at(-1)) return line.slice(0, Math.max(columns - 1, 0));
    }
  }
}

function bar({ done, total }: Step, width: number): string {
  const full = Math.floor((Math.min(done, total ?? 0) / Math.max(total ?? 0, 1)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

/** Whether there is a terminal that can be drawn on. */
export function modeFor(options: { quiet?: boolean; lines: boolean }): Mode {
  if (options.quiet) return "none";
  const { TERM, NO_COLOR } = process.env;
  if (process.stderr.isTTY && TERM !== "dumb" && !NO_COLOR) return "bar";
  return options.lines ? "lines" : "none";
}

/** `12 s left`, or nothing while that is not known. */
export function left(rest: number, rate: number): string[] {
  return rate > 0 && rest > 0 ? [`${duration(rest / rate)} left`] : [];
}

/** Rounded down: 100 % is for what has ended. */
function percentOf({ done, total }: Step): string {
  return total === null || total === 0 ? "" : `${Math.floor((Math.min(done, total) / total) * 100)} %`;
}

/** Units per second over the last ten seconds: what was done before this process, or before a pause, does not count. */
class Rate {
  readonly #samples: { at: number; done: number }[] = [];

  at(done: number): number {
    const at = performance.now() / 1_000;
    this.#samples.push({ at, done });
    while (this.#samples.length > 2 && (this.#samples[0]?.at ?? at) < at - 10) this.#samples.shift();
    const first = this.#samples[0];
    return first === undefined || at - first.at < 0.2 ? 0 : (done - first.done) / (at - first.at);
  }
}
