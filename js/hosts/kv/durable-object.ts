/** A key-value store in the SQLite storage of a Durable Object. */

import { prefixEnd, sameBytes } from "../../core/bytes.ts";
import type { KV, KVCheck, KVOp, KVPage, KVQuery } from "../../core/types.ts";

/** What {@link DurableObjectKV} uses of `ctx.storage`. */
export interface SqlDurableObjectStorage {
  readonly sql: {
    exec(query: string, ...bindings: unknown[]): Iterable<Record<string, unknown>>;
  };
  transactionSync<T>(work: () => T): T;
}

/** The platform's limit for a row is 2 MB, key and all. Only the platform itself enforces it, not `wrangler dev`. */
const MAX_VALUE = 2_000_000;

/**
 * A {@link KV} in the table `kv` of a Durable Object's SQLite storage. Blobs compare byte by byte, which is the order
 * a KV promises. A write is applied at once; the platform holds back everything that leaves the object until it is
 * durable, so an acknowledgement never comes too early.
 */
export class DurableObjectKV implements KV {
  readonly caps = {
    consistency: "strong",
    atomic: true,
    checks: true,
    keys: true,
    maxValue: MAX_VALUE,
  } as const;
  readonly #storage: SqlDurableObjectStorage;

  constructor(storage: SqlDurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    );
  }

  async get(key: string): Promise<Uint8Array | null> {
    return this.#find(key);
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    this.#put(key, value);
  }

  async delete(key: string): Promise<void> {
    this.#remove(key);
  }

  async list(query: KVQuery): Promise<KVPage> {
    const { limit = 1000, reverse = false } = query;
    const prefix = encode(query.prefix);
    const end = prefixEnd(prefix);
    const conditions = ["key >= ?"];
    const values: Uint8Array[] = [prefix];
    if (end !== undefined) {
      conditions.push("key < ?");
      values.push(end);
    }
    if (query.after !== undefined) {
      conditions.push(reverse ? "key < ?" : "key > ?");
      values.push(encode(query.after));
    }
    const value = query.keys ? "x'' AS value" : "value";
    const scan = `SELECT key, ${value} FROM kv WHERE ${conditions.join(" AND ")} ORDER BY key ${reverse ? "DESC" : "ASC"}`;
    const entries: KVPage["entries"] = [];
    for (const row of this.#exec(`${scan} LIMIT ?`, ...values, limit + 1)) {
      if (entries.length === limit) return { entries, more: true };
      entries.push([decoder.decode(bytes(row.key)), bytes(row.value)]);
    }
    return { entries, more: false };
  }

  async batch(ops: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    return this.#storage.transactionSync(() => {
      if (!checks.every(({ key, value }) => sameBytes(this.#find(key), value))) return false;
      for (const op of ops) {
        if (op.type === "set") this.#put(op.key, op.value);
        else this.#remove(op.key);
      }
      return true;
    });
  }

  #find(key: string): Uint8Array | null {
    for (const row of this.#exec("SELECT value FROM kv WHERE key = ?", encode(key))) return bytes(row.value);
    return null;
  }

  #put(key: string, value: Uint8Array): void {
    if (value.length > MAX_VALUE) {
      throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
    }
    this.#exec("INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)", encode(key), value);
  }

  #remove(key: string): void {
    this.#exec("DELETE FROM kv WHERE key = ?", encode(key));
  }

  #exec(query: string, ...bindings: unknown[]) {
    return this.#storage.sql.exec(query, ...bindings);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function encode(key: string): Uint8Array {
  return encoder.encode(key);
}

function bytes(value: unknown): Uint8Array {
  return new Uint8Array(value as ArrayBuffer);
}
