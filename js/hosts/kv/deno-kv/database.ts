/** What is used of Deno's own key-value database, `Deno.Kv`. */

/** What Deno names an entry by: parts, which are ordered by type and then by value. */
export type DenoKvKey = readonly (Uint8Array | string | number | bigint | boolean | symbol)[];

/** An entry of the database; one that is not there has the version `null`. */
export interface DenoKvEntry {
  readonly key: DenoKvKey;
  readonly value: unknown;
  readonly versionstamp: string | null;
}

/** A version that an entry must have for a transaction to be carried out. */
export interface DenoKvVersion {
  readonly key: DenoKvKey;
  readonly versionstamp: string | null;
}

/** What is used of a `Deno.AtomicOperation`. */
export interface DenoKvTransaction {
  check(...versions: DenoKvVersion[]): DenoKvTransaction;
  set(key: DenoKvKey, value: unknown): DenoKvTransaction;
  delete(key: DenoKvKey): DenoKvTransaction;
  commit(): Promise<{ ok: boolean; versionstamp?: string }>;
}

/** What is used of a `Deno.Kv`, as `Deno.openKv` gives it. */
export interface DenoKvDatabase {
  getMany(keys: DenoKvKey[]): Promise<DenoKvEntry[]>;
  list(
    range: { start: DenoKvKey; end: DenoKvKey },
    options: { limit: number; batchSize: number; reverse: boolean },
  ): AsyncIterable<DenoKvEntry>;
  atomic(): DenoKvTransaction;
  close(): void;
}
