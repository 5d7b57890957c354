/** How fast bytes go by, over the last few seconds, and how long the rest will take. */
import { signal } from "@preact/signals";

const WINDOW_MS = 3_000;
/** Before so much time, nothing is said: it would jump. */
const LEAST_MS = 400;

export class Pace {
  /** Bytes a second; 0 while it is not known. */
  readonly rate = signal(0);
  readonly elapsed = signal(0);
  #notes: { bytes: number; at: number }[] = [];
  #start: number | null = null;

  note(bytes: number, at: number): void {
    this.#start ??= at;
    this.elapsed.value = (at - this.#start) / 1000;
    this.#notes.push({ bytes, at });
    while (this.#notes.length > 2 && at - (this.#notes[1]?.at ?? at) > WINDOW_MS) this.#notes.shift();
    const first = this.#notes[0];
    if (!first || at - first.at < LEAST_MS) return;
    this.rate.value = ((bytes - first.bytes) / (at - first.at)) * 1000;
  }

  /** Seconds that `bytes` bytes will take; null while it is not known. */
  remaining(bytes: number): number | null {
    return this.rate.value > 0 ? bytes / this.rate.value : null;
  }
}
