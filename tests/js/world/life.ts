import { AsyncLocalStorage } from "node:async_hooks";

/** Where servers run, one after the other. */
export class Machine {
  /** How far its clock is ahead. */
  aheadMs = 0;
}

/** Whose code runs at the moment, wherever it has come to. */
const running = new AsyncLocalStorage<Machine>();

/** How far the clock is ahead of the machine whose code asks. */
export function aheadMs(): number {
  return running.getStore()?.aheadMs ?? 0;
}

/** One life of a server's process. Once it is dead, whatever it still does fails, and has no effect. */

export class Life {
  readonly number: number;
  readonly machine: Machine;
  /** Of the build before. */
  readonly isOlder: boolean;
  isDead = false;
  /** Until when it is cut off. */
  stalledUntil = 0;
  readonly #deaths = new Set<() => void>();

  constructor(number: number, machine: Machine, isOlder: boolean) {
    this.number = number;
    this.machine = machine;
    this.isOlder = isOlder;
  }

  /** Runs code of the process. */
  run<T>(work: () => T): T {
    return running.run(this.machine, work);
  }

  die(): void {
    this.isDead = true;
    for (const death of this.#deaths) death();
    this.#deaths.clear();
  }

  /** Called when it dies; gives what takes that back. */
  onDeath(call: () => void): () => void {
    this.#deaths.add(call);
    return () => void this.#deaths.delete(call);
  }
}

/** As much of a life as those look at whom its code calls. */
export type Lifetime = Pick<Life, "isDead" | "stalledUntil" | "onDeath">;

/** What code of a dead process gets for all that it asks for, so that it comes to its end. */
export class DeadError extends Error {
  override name = "DeadError";
}
