/** Calls of a `Deno.Kv`, which wait while another process writes. */

import { isBusy } from "../sqlite-lock.ts";
import type { DenoKvDatabase, DenoKvEntry, DenoKvKey, DenoKvTransaction } from "./database.ts";
import { MOST_LISTED, MOST_READ } from "./layout.ts";

/** The longest time between two looks at a database that is locked: about what a write of some hundred kilobytes takes. */
const LOOK_MS = 10;

/**
 * Calls until the database is not locked: Deno's local file is SQLite, but opened without a time that SQLite itself would wait.
 * What was rejected for that has not begun.
 */
export async function patiently<T>(call: () => Promise<T>, timeoutMs: number): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LOOK_MS));
  }
}

export class Calls {
  readonly #database: DenoKvDatabase;
  readonly #timeoutMs: number;

  constructor(database: DenoKvDatabase, timeoutMs: number) {
    this.#database = database;
    this.#timeoutMs = timeoutMs;
  }

  /** The entries of these keys, each as it is at some moment. */
  async read(keys: DenoKvKey[]): Promise<DenoKvEntry[]> {
    const groups: DenoKvKey[][] = [];
    for (let at = 0; at < keys.length; at += MOST_READ) groups.push(keys.slice(at, at + MOST_READ));
    const read = (group: DenoKvKey[]) => patiently(() => this.#database.getMany(group), this.#timeoutMs);
    return (await Promise.all(groups.map(read))).flat();
  }

  async readOne(key: DenoKvKey): Promise<DenoKvEntry> {
    const [entry] = await this.read([key]);
    return entry as DenoKvEntry;
  }

  /** The first entries of a range, at most a thousand of them as they were at one moment. */
  list(start: DenoKvKey, end: DenoKvKey, limit: number, reverse = false): Promise<DenoKvEntry[]> {
    const options = { limit, batchSize: Math.min(limit, MOST_LISTED), reverse };
    return patiently(async () => {
      const entries: DenoKvEntry[] = [];
      for await (const entry of this.#database.list({ start, end }, options)) entries.push(entry);
      return entries;
    }, this.#timeoutMs);
  }

  /** Commits a transaction; gives the version of what it wrote, or null where something had another version than it checks. */
  async commit(fill: (transaction: DenoKvTransaction) => void): Promise<string | null> {
    const { ok, versionstamp } = await patiently(() => {
      const transaction = this.#database.atomic();
      fill(transaction);
      return transaction.commit();
    }, this.#timeoutMs);
    return ok ? (versionstamp as string) : null;
  }
}
