/** An alarm within this process: the next one begins with a round of its own. */

import type { Alarm } from "../../server/ports.ts";

export class TimerAlarm implements Alarm {
  readonly #ring: () => void;
  #time: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  async get(): Promise<number | null> {
    return this.#time;
  }

  async set(time: number): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#time = time;
    this.#timer = setTimeout(
      () => {
        this.#time = null;
        this.#ring();
      },
      Math.max(time - Date.now(), 0),
    );
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
