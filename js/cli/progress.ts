/** Progress on standard error: a bar on a terminal, a line now and then elsewhere. */

import { type Options, SingleBar } from "cli-progress";
import { duration } from "./terminal.ts";

/** How far the work is; `text` says more, `total` is null when it is not known. */
export interface Step {
  /** What is being done. */
  phase: string;
  done: number;
  total: number | null;
  text: (rate: number) => string;
}

/** Without a terminal: the time to the first line, and between lines. */
const lineAfterMs = { first: 2_000, next: 10_000 };

const barOptions: Options = {
  stream: process.stderr,
  barsize: 24,
  hideCursor: true,
  clearOnComplete: true,
  forceRedraw: true,
  fps: 10,
  gracefulExit: false,
  format: (_options, { value, total }, payload: { label: string; text: string; known: boolean }) => {
    if (!payload.known) return `${payload.label}  ${payload.text}`;
    const part = total === 0 ? 0 : Math.min(value / total, 1);
    const full = Math.floor(part * 24);
    // Rounded down: 100 % is for what has ended.
    const percent = `${Math.floor(part * 100)} %`.padStart(5);
    const line = `${payload.label} ${"█".repeat(full)}${"░".repeat(24 - full)} ${percent}  ${payload.text}`;
    const width = process.stderr.columns ?? 80;
    return line.length < width ? line : line.slice(0, width - 1);
  },
};

/** Where progress goes. */
export type Mode = "bar" | "lines" | "none";

/** One piece of work, from its start to `stop`. */
export class Progress {
  readonly #mode: Mode;
  #phase = "";
  #rate = new Rate();
  #bar: SingleBar | undefined;
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
    if (this.#mode === "lines") {
      if (performance.now() < this.#lineAt) return;
      this.#lineAt = performance.now() + lineAfterMs.next;
      process.stderr.write(`${step.phase}: ${percentOf(step)}${step.text(rate)}\n`);
      return;
    }
    const payload = { label: step.phase, text: step.text(rate), known: step.total !== null };
    const total = step.total ?? Number.MAX_SAFE_INTEGER;
    if (this.#bar === undefined) {
      this.#bar = new SingleBar(barOptions);
      this.#bar.start(total, step.done, payload);
    } else {
      this.#bar.setTotal(total);
      this.#bar.update(step.done, payload);
    }
  }

  /** A line above the bar. */
  note(text: string): void {
    process.stderr.write(this.#bar === undefined ? `${text}\n` : `\r\x1b[K${text}\n`);
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** Whether there is a terminal to draw on. */
export function modeFor(options: { quiet?: boolean; lines: boolean }): Mode {
  if (options.quiet) return "none";
  if (process.stderr.isTTY) return "bar";
  return options.lines ? "lines" : "none";
}

/** `, 12 s left`, or nothing while that cannot be told. */
export function left(rest: number, rate: number): string {
  return rate > 0 && rest > 0 ? `, ${duration(rest / rate)} left` : "";
}

function percentOf({ done, total }: Step): string {
  return total === null || total === 0 ? "" : `${Math.floor((Math.min(done, total) / total) * 100)} %, `;
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
