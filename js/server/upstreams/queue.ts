/** Batch requests that wait for a place: round robin over tenants, then over a tenant's lines, in order within a line. */

/** One that waits in a queue. */
export interface Waiting {
  readonly tenant: string;
  /** What is served in order: the requests of one batch to one pool. */
  readonly line: string;
}

export class FairQueue<T extends Waiting> {
  /** Whoever was served last stands last. */
  readonly #tenants = new Map<string, Map<string, Set<T>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(waiting: T): void {
    const lines = this.#tenants.get(waiting.tenant) ?? new Map<string, Set<T>>();
    const line = lines.get(waiting.line) ?? new Set<T>();
    this.#tenants.set(waiting.tenant, lines.set(waiting.line, line.add(waiting)));
    this.#size += 1;
  }

  /** Takes the next one that can be served, of those that are first in their lines. */
  take(canBeServed: (waiting: T) => boolean): T | undefined {
    for (const [tenant, lines] of this.#tenants) {
      for (const [name, line] of lines) {
        const [first] = line;
        if (first === undefined || !canBeServed(first)) continue;
        this.remove(first);
        // What is left of them goes to the end.
        if (line.size > 0 && lines.delete(name)) lines.set(name, line);
        if (lines.size > 0 && this.#tenants.delete(tenant)) this.#tenants.set(tenant, lines);
        return first;
      }
    }
    return undefined;
  }

  all(): T[] {
    return [...this.#tenants.values()].flatMap((lines) => [...lines.values()].flatMap((line) => [...line]));
  }

  /** One that waits no longer. Whether it did. */
  remove(waiting: T): boolean {
    const lines = this.#tenants.get(waiting.tenant);
    const line = lines?.get(waiting.line);
    if (!lines || !line?.delete(waiting)) return false;
    this.#size -= 1;
    if (line.size === 0) lines.delete(waiting.line);
    if (lines.size === 0) this.#tenants.delete(waiting.tenant);
    return true;
  }
}
