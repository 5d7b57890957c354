/** One life of a Durable Object: from its start until it is put away or dies. What it waits for comes no more once it is dead. */

import type { DurableObjectState } from "../../../js/worker/env.ts";
import type { Clock } from "./clock.ts";
import type { Meter } from "./meter.ts";

/** An object with nothing to do is put away after this. */
const IDLE_MS = 10_000;

export class Life {
  isDead = false;
  /** Calls that it made since its alarm began. */
  subrequests = 0;
  /** What is to happen when it dies. */
  readonly deaths = new Set<() => void>();
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #connections: number;
  readonly #putAway: () => void;
  #events = 0;
  /** Since when it is busy, or idle. */
  #since: number;
  #isWatched = false;
  #connected = 0;
  readonly #queue: (() => void)[] = [];

  constructor(clock: Clock, meter: Meter, connections: number, putAway: () => void) {
    this.#clock = clock;
    this.#meter = meter;
    this.#connections = connections;
    this.#putAway = putAway;
    this.#since = clock.now;
  }

  /** The object is awake, and billed, for as long as this is not done. */
  async event<T>(work: () => Promise<T>): Promise<T> {
    if (this.#events++ === 0) this.#since = this.#clock.now;
    try {
      return await work();
    } finally {
      if (!this.isDead && --this.#events === 0) this.#rest();
    }
  }

  /** Work of the outside, which waits for one of the object's connections until `release` is called. */
  async connect<T>(work: (release: () => void) => Promise<T>): Promise<T> {
    this.subrequests++;
    if (this.#connected === this.#connections) await new Promise<void>((next) => void this.#queue.push(next));
    else this.#connected++;
    let isFree = false;
    const release = () => {
      if (isFree) return;
      isFree = true;
      const next = this.#queue.shift();
      if (next) next();
      else this.#connected--;
    };
    try {
      return await work(release);
    } finally {
      release();
    }
  }

  /** Settles as `work` does after a time, unless it is dead by then. */
  later<T>(ms: number, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#clock.after(ms, () => {
        if (this.isDead) return;
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Bills it up to now. */
  settle(): void {
    if (this.isDead || this.#events === 0) return;
    this.#meter.awake(this.#clock.now - this.#since);
    this.#since = this.#clock.now;
  }

  die(): void {
    if (this.isDead) return;
    this.settle();
    this.isDead = true;
    for (const death of this.deaths) death();
    this.deaths.clear();
  }

  #rest(): void {
    this.#meter.awake(this.#clock.now - this.#since);
    this.#since = this.#clock.now;
    if (!this.#isWatched) this.#watch(IDLE_MS);
  }

  #watch(ms: number): void {
    this.#isWatched = true;
    this.#clock.after(ms, () => {
      this.#isWatched = false;
      if (this.isDead || this.#events > 0) return;
      const left = this.#since + IDLE_MS - this.#clock.now;
      if (left > 0) this.#watch(left);
      else this.#putAway();
    });
  }
}

/** What the object's code sees of itself. */
export function contextOf(options: {
  name: string;
  life: Life;
  storage: DurableObjectState["storage"];
}): DurableObjectState {
  const { name, life, storage } = options;
  return {
    id: { name },
    storage,
    waitUntil: (promise) => void life.event(() => promise).catch(() => undefined),
    blockConcurrencyWhile: (work) => work(),
  };
}
