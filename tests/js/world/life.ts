/** One life of a server's process. Once it is dead, whatever it still does fails, and has no effect. */

export class Life {
  readonly number: number;
  isDead = false;
  /** Until when it is cut off. */
  stalledUntil = 0;
  readonly #deaths = new Set<() => void>();

  constructor(number: number) {
    this.number = number;
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

/** What code of a dead process gets for all that it asks for, so that it comes to its end. */
export class DeadError extends Error {
  override name = "DeadError";
}
