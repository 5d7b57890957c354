/**
 * A key-value store in one table of a Postgres database, for any number of processes on any number of machines. It is given a
 * pool of connections: who does not use it does not need the library.
 */

import { prefixEnd } from "../../core/bytes.ts";
import { checkNames, checkType } from "../../core/options.ts";
import type { KV, KVCheck, KVOp, KVPage, KVQuery } from "../../core/types.ts";
import { byteaArray } from "./postgres/arrays.ts";
import type { PostgresPool } from "./postgres/pool.ts";
import { CHANNEL, migrate, SCHEMA } from "./postgres/schema.ts";

export type { PostgresClient, PostgresPool } from "./postgres/pool.ts";

/** Options of {@link PostgresKV}. */
export interface PostgresKVOptions {
  /** A pool of the library `pg`. It stays the caller's, to be ended after the last call. */
  pool: PostgresPool;
  /** Keeps this store apart from others in the same table. Default `""`. */
  tenant?: string;
  /** A write to a key that begins with one of these is announced to whoever listens, with the tenant's name. */
  announced?: readonly string[];
}

const MAX_VALUE = 16 * 1024 * 1024;

/**
 * A {@link KV} in a Postgres database of version 12 or newer. {@link PostgresKV.migrate} makes the table. A write is one call
 * of a function of the database, so that no process can stand still, or be cut off, in the middle of one; writes of
 * one tenant come one after the other. How durable they are is the database's `synchronous_commit`.
 */
export class PostgresKV implements KV {
  readonly caps = {
    consistency: "strong",
    atomic: true,
    checks: true,
    keys: true,
    maxValue: MAX_VALUE,
  } as const;
  readonly #pool: PostgresPool;
  readonly #tenant: string;
  readonly #announced: readonly string[];

  constructor(options: PostgresKVOptions) {
    checkNames(options, { pool: true, tenant: true, announced: true }, "PostgresKV");
    const { pool, tenant = "", announced = [] } = options;
    checkType("pool", pool, "object");
    checkType("tenant", tenant, "string");
    this.#pool = pool;
    this.#tenant = tenant;
    this.#announced = announced;
  }

  /**
   * Makes the schema `edgebatch` with its table, or brings it up to date. Any number of processes may do so at once. Rejects
   * where the schema is of a version that this one cannot use.
   */
  static migrate(pool: PostgresPool): Promise<void> {
    return migrate(pool);
  }

  async get(key: string): Promise<Uint8Array | null> {
    const text = `SELECT value FROM ${SCHEMA}.kv WHERE tenant = $1 AND key = $2`;
    const [row] = await this.#rows<[Buffer]>(text, [this.#tenant, bytes(key)]);
    return row === undefined ? null : owned(row[0]);
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.batch([{ type: "set", key, value }]);
  }

  async delete(key: string): Promise<void> {
    await this.batch([{ type: "delete", key }]);
  }

  async list(query: KVQuery): Promise<KVPage> {
    const { limit = 1000, reverse = false } = query;
    const prefix = bytes(query.prefix);
    const values: unknown[] = [this.#tenant, prefix, limit + 1];
    let where = "tenant = $1 AND key >= $2";
    const end = prefixEnd(prefix);
    if (end !== undefined) where += ` AND key < $${values.push(Buffer.from(end))}`;
    if (query.after !== undefined)
      where += ` AND key ${reverse ? "<" : ">"} $${values.push(bytes(query.after))}`;
    const text =
      `SELECT key, ${query.keys ? "''::bytea" : "value"} FROM ${SCHEMA}.kv WHERE ${where} ` +
      `ORDER BY key ${reverse ? "DESC" : "ASC"} LIMIT $3::int`;
    const rows = await this.#rows<[Buffer, Buffer]>(text, values);
    const more = rows.length > limit;
    const entries = rows
      .slice(0, limit)
      .map(([key, value]): [string, Uint8Array] => [decoder.decode(key), owned(value)]);
    return { entries, more };
  }

  async batch(ops: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    const writes = new Map<string, Uint8Array | null>();
    for (const op of ops) {
      if (op.type === "set") checkSize(op.key, op.value);
      // Of several writes to a key the last is what stays.
      writes.set(op.key, op.type === "set" ? op.value : null);
    }
    const isAnnounced = [...writes.keys()].some((key) =>
      this.#announced.some((begin) => key.startsWith(begin)),
    );
    const text = `SELECT ${SCHEMA}.kv_write($1, $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6)`;
    const values = [
      this.#tenant,
      byteaArray([...writes.keys()].map(bytes)),
      byteaArray([...writes.values()]),
      byteaArray(checks.map(({ key }) => bytes(key))),
      byteaArray(checks.map(({ value }) => value)),
      isAnnounced ? CHANNEL : null,
    ];
    const [row] = await this.#rows<[boolean]>(text, values);
    return row?.[0] === true;
  }

  async #rows<Row>(text: string, values: unknown[]): Promise<Row[]> {
    const { rows } = await this.#pool.query({ text, values, rowMode: "array" });
    return rows as Row[];
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function bytes(key: string): Buffer {
  return Buffer.from(key, "utf8");
}

/** With memory of its own: a Buffer shares its with others, and whoever is given the value may free it. */
function owned(value: Uint8Array): Uint8Array {
  return new Uint8Array(value);
}

function checkSize(key: string, value: Uint8Array): void {
  if (value.length <= MAX_VALUE) return;
  throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
}
