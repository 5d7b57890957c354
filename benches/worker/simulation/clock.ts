/**
 * Time of its own for everything in this process: while it is installed, timers and `Date` are the simulation's, and chance comes
 * from its seed. Nothing waits: when all code has come to rest, time goes on to what is due next.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Chance } from "./random.ts";

interface Due {
  time: number;
  /** What is due at the same time happens in the order in which it was asked for. */
  seq: number;
  /** Absent once it was taken back. */
  work: (() => void) | undefined;
}

const real = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  random: Math.random,
  now: Date.now,
};

export class Clock {
  #now: number;
  #seq = 0;
  readonly #heap: Due[] = [];
  readonly #timers = new Map<number, Due>();
  /** Entries of the heap that were taken back. */
  #stale = 0;

  constructor(start: number) {
    this.#now = start;
  }

  get now(): number {
    return this.#now;
  }

  /** How much is due at some time. */
  get pending(): number {
    return this.#heap.length - this.#stale;
  }

  /** Has something done after so many milliseconds, on behalf of whoever asks for it. */
  after(ms: number, work: () => void): Due {
    const time = this.#now + Math.max(0, Math.round(ms));
    const due: Due = { time, seq: this.#seq++, work: AsyncLocalStorage.bind(work) };
    this.#push(due);
    return due;
  }

  cancel(due: Due): void {
    if (due.work === undefined) return;
    due.work = undefined;
    this.#stale++;
    if (this.#stale > 10_000 && this.#stale > this.#heap.length / 2) this.#sweep();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((next) => {
      this.after(ms, next);
    });
  }

  /** Lets time pass until `isOver`, or until nothing is due any more. */
  async run(isOver: () => boolean): Promise<void> {
    for (;;) {
      // All that code does without waiting is done before this comes.
      await new Promise<void>((next) => void real.setImmediate(next));
      if (isOver()) return;
      let due = this.#pop();
      while (due && !due.work) due = this.#pop();
      if (!due) return;
      this.#now = due.time;
      const { work } = due;
      due.work = undefined;
      work?.();
    }
  }

  /** Takes the place of the process's own; gives what puts that back. `shown` is what `Date.now` says. */
  install(chance: Chance, shown: () => number = () => this.#now): () => void {
    const timers = this.#timers;
    const start = (ms: number, work: () => void): number => {
      const due = this.after(ms, () => {
        timers.delete(due.seq);
        work();
      });
      timers.set(due.seq, due);
      return due.seq;
    };
    const clear = (id: unknown): void => {
      const due = timers.get(id as number);
      if (!due) return;
      timers.delete(id as number);
      this.cancel(due);
    };
    const repeat = (work: () => void, ms: number): number => {
      const again = () => {
        work();
        if (timers.has(id)) timers.set(id, this.after(ms, again));
      };
      const first = this.after(ms, again);
      const id = first.seq;
      timers.set(id, first);
      return id;
    };
    const secrets = globalThis.crypto;
    Object.assign(globalThis, {
      setTimeout: (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
        start(ms, () => work(...args)),
      setInterval: repeat,
      setImmediate: (work: () => void) => start(0, work),
      ...{ clearTimeout: clear, clearInterval: clear },
    });
    Math.random = () => chance.next();
    Date.now = shown;
    Object.defineProperty(globalThis, "crypto", {
      configurable: true,
      value: {
        getRandomValues: <T extends ArrayBufferView>(array: T) => chance.fill(array),
        subtle: secrets.subtle,
        randomUUID: () => `${Math.floor(chance.next() * 2 ** 48)}`,
      },
    });
    return () => {
      const { random, now, ...timers } = real;
      Object.assign(globalThis, timers);
      Math.random = random;
      Date.now = now;
      Object.defineProperty(globalThis, "crypto", { configurable: true, value: secrets });
    };
  }

  #sweep(): void {
    const kept = this.#heap.filter((due) => due.work);
    this.#heap.length = 0;
    this.#stale = 0;
    for (const due of kept) this.#push(due);
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Due;
      if (!isBefore(due, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): Due | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last) return undefined;
    if (!first.work) this.#stale--;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++;
      const below = heap[child] as Due;
      if (!isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.time < b.time || (a.time === b.time && a.seq < b.seq);
}
