/** When a tenant looks after what it has: by one alarm, which outlives the process on some platforms. */

import { logError } from "../log.ts";
import type { Alarm } from "../ports.ts";

/** How often while any batch has not ended, and the longest pause otherwise. */
const ROUND_MS = 30_000;
const IDLE_ROUND_MS = 3_600_000;

export interface RoundsOptions {
  tenant: string;
  alarm: Alarm;
  /** Looks at everything. Whether something is under way, so that the next round is to come soon. */
  round(): Promise<boolean>;
  /** What may be due between rounds, and after each. */
  between(): Promise<void>;
}

export class Rounds {
  readonly #options: RoundsOptions;
  /** When the next round is to be, in Unix milliseconds. */
  #next = 0;
  /** How long it was until then at most when that was said. */
  #pauseMs = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** Something has begun: a round is to come soon. */
  async arm(): Promise<void> {
    const soon = Date.now() + ROUND_MS;
    if (soon < this.#next) [this.#next, this.#pauseMs] = [soon, ROUND_MS];
    await this.wakeAt(soon);
  }

  /** The alarm is to come by then. */
  async wakeAt(time: number): Promise<void> {
    const { alarm } = this.#options;
    const at = await alarm.get();
    if (at === null || at > time) await alarm.set(time);
  }

  /** For a clock that knows of all tenants: does the round if the alarm, which should, does not. */
  async watch(): Promise<void> {
    const at = await this.#options.alarm.get();
    if (at !== null && at > Date.now() - ROUND_MS) return;
    await this.#round();
  }

  /** Never throws: a failed alarm is tried again a few times, and then forgotten. */
  async alarm(): Promise<void> {
    const { alarm, tenant, between } = this.#options;
    try {
      const left = this.#next - Date.now();
      // More than there was: the clock was set back, and nobody is to wait until it shows that time.
      if (left <= 0 || left > this.#pauseMs) return await this.#round();
      await alarm.set(this.#next);
      await between();
    } catch (error) {
      logError("tenant.round", error, { tenant });
      await alarm.set(Date.now() + ROUND_MS);
    }
  }

  async #round(): Promise<void> {
    const { round, between } = this.#options;
    // Armed first: whatever goes wrong below, the next round comes.
    await this.#setNext(ROUND_MS);
    // Nothing runs: expired files can wait.
    if (!(await round())) await this.#setNext(IDLE_ROUND_MS);
    await between();
  }

  async #setNext(pauseMs: number): Promise<void> {
    [this.#next, this.#pauseMs] = [Date.now() + pauseMs, pauseMs];
    await this.#options.alarm.set(this.#next);
  }
}
