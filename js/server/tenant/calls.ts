/** The calls of one tenant, against its rate. */

import type { KV } from "../../core/types.ts";
import { CALLS } from "../keys.ts";
import { type Allowance, type Level, take } from "../rate.ts";
import { change, decoded, encoded } from "./change.ts";

/**
 * Parts of a minute's calls after which the level is stored. A service that begins anew, as a Durable Object does when it
 * was idle for ten seconds, lets in no more than one part too much, and no more writes than these are made in a minute.
 */
const PARTS = 6;

export class Calls {
  readonly #kv: KV;
  readonly #background: (work: Promise<unknown>) => void;
  readonly #isShared: boolean;
  /** What was stored when the service began. */
  #stored: Promise<Level | null> | undefined;
  #level: Level | null | undefined;
  #unstored = 0;

  /** Where other processes count as well, each call is counted in the store. */
  constructor(kv: KV, background: (work: Promise<unknown>) => void, isShared = false) {
    this.#kv = kv;
    this.#background = background;
    this.#isShared = isShared;
  }

  /** Counts a call, if it is let in. */
  async take(limit: number): Promise<Allowance> {
    if (this.#isShared) return this.#takeTogether(limit);
    if (this.#level === undefined) {
      this.#stored ??= this.#read();
      const stored = await this.#stored;
      // Another call, which waited too, may have been first.
      this.#level ??= stored;
    }
    const { level, allowance } = take(this.#level, limit, Date.now());
    this.#level = level;
    if (allowance.granted && ++this.#unstored >= limit / PARTS) {
      this.#unstored = 0;
      // Nobody waits for it: where nothing can be written, calls are answered all the same.
      this.#background(this.#kv.set(CALLS, encoded(level)));
    }
    return allowance;
  }

  #takeTogether(limit: number): Promise<Allowance> {
    return change(this.#kv, async (c) => {
      // Clocks of several machines differ: what one sees to be in the future is now.
      const { level, allowance } = take(await c.get<Level>(CALLS), limit, Date.now());
      if (allowance.granted) c.set(CALLS, level);
      return allowance;
    });
  }

  async #read(): Promise<Level | null> {
    const value = await this.#kv.get(CALLS).catch(() => null);
    return value && decoded<Level>(value);
  }
}
