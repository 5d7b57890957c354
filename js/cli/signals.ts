/** Ctrl-C: the first asks, the second does not. */

import { exit } from "./terminal.ts";

/** Listens from its making to `end`. */
export class Signals {
  /** The first signal that came. */
  received: "SIGINT" | "SIGTERM" | null = null;
  readonly #listeners = new Map<"SIGINT" | "SIGTERM", () => void>();

  constructor(on: { first: () => void; second: () => void }) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const listener = () => {
        if (this.received !== null) {
          on.second();
          process.exit(signal === "SIGTERM" ? exit.terminated : exit.interrupted);
        }
        this.received = signal;
        on.first();
      };
      this.#listeners.set(signal, listener);
      process.on(signal, listener);
    }
  }

  /** Signals do again what they usually do. */
  end(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }
}
