/** Time limits of many calls on one timer: a timer of its own for each is a tenth of what a quick call costs. */

/** Timers count in 32 bits: beyond it they would fire at once. */
const MAX_TIMER = 0x7fffffff;

/** All calls have the same time, so they run out in the order in which they began. */
export class Deadlines {
  readonly #ms: number;
  /** What is called for each, and when. */
  readonly #calls = new Map<() => void, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param ms time of each call; `Infinity` for none */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Has `expire` called once its time is up, unless it is removed before. */
  add(expire: () => void): void {
    if (this.#ms === Number.POSITIVE_INFINITY) return;
    const ms = Math.min(this.#ms, MAX_TIMER);
    this.#calls.set(expire, performance.now() + ms);
    this.#timer ??= setTimeout(this.#fire, ms);
  }

  remove(expire: () => void): void {
    if (!this.#calls.delete(expire) || this.#calls.size > 0) return;
    // Nothing keeps the process up.
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (const [expire, at] of this.#calls) {
      if (at > now) {
        this.#timer = setTimeout(this.#fire, Math.ceil(at - now));
        return;
      }
      this.#calls.delete(expire);
      expire();
    }
  };
}
