/** A key-value store in one SQLite file, with Node's own `node:sqlite`. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { KV, KVOp } from "../types.ts";
import { sqlite } from "./node-modules.ts";

/** Options of {@link SqliteKV}. */
export interface SqliteKVOptions {
  /**
   * What an acknowledged write survives. With `"power"` (the default) the write-ahead log is flushed to the disk
   * before a write is acknowledged (`synchronous = FULL`, on macOS `fullfsync`), so it survives the end of the
   * process, of the system and loss of power, as far as the disk keeps what it says it has flushed. With
   * `"process"` (`synchronous = NORMAL`) it survives `kill -9` of the process; when the machine goes down the last
   * writes may be missing, but the file stays whole.
   */
  durability?: "power" | "process";
  /** How long a write waits for another process's write, in milliseconds. Default 10,000. */
  busyTimeoutMs?: number;
}

const MAX_VALUE = 16 * 1024 * 1024;

// Blobs compare byte by byte, which is the order a KV promises. Measured for results of 2 KB in batches of 64: keys in
// an index of their own (and not WITHOUT ROWID) are as quick in order and twice as quick out of order, and pages of
// 16 KiB are a quarter quicker than SQLite's usual 4 KiB.
const SCHEMA = `
  PRAGMA page_size = 16384;
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS kv (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL)`;

// Some versions of Node 22 bind an array of no bytes as NULL.
const BYTES = "ifnull(?, x'')";

/**
 * A {@link KV} in an SQLite file (write-ahead log, readers never wait). Calls work synchronously inside: a write
 * returns when SQLite has it, and waiting for another process blocks the thread. Several processes may share the file.
 */
export class SqliteKV implements KV {
  readonly caps = { consistency: "strong", atomic: true, maxValue: MAX_VALUE } as const;
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #set: StatementSync;
  readonly #delete: StatementSync;
  #closed = false;
  readonly #scans = new Map<string, StatementSync>();

  /** Opens the file, or makes it. Its directory must exist. */
  constructor(path: string, options: SqliteKVOptions = {}) {
    const { durability = "power", busyTimeoutMs = 10_000 } = options;
    this.#db = open(path, busyTimeoutMs);
    this.#db.exec(
      durability === "power"
        ? "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON"
        : "PRAGMA synchronous = NORMAL",
    );
    this.#get = this.#db.prepare(`SELECT value FROM kv WHERE key = ${BYTES}`);
    this.#set = this.#db.prepare(
      `INSERT INTO kv (key, value) VALUES (${BYTES}, ${BYTES})
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    );
    this.#delete = this.#db.prepare(`DELETE FROM kv WHERE key = ${BYTES}`);
  }

  async get(key: string): Promise<Uint8Array | null> {
    const row = this.#get.get(utf8.encode(key));
    return row === undefined ? null : (row.value as Uint8Array);
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    this.#put(key, value);
  }

  async delete(key: string): Promise<void> {
    this.#delete.run(utf8.encode(key));
  }

  async list(query: {
    prefix: string;
    after?: string;
    limit?: number;
    reverse?: boolean;
  }): Promise<{ entries: [key: string, value: Uint8Array][]; more: boolean }> {
    const { limit = 1000, reverse = false } = query;
    // One bound on either side, the tighter one: of two, SQLite would look up the first and step through the rest.
    const prefix = utf8.encode(query.prefix);
    const after = query.after === undefined ? undefined : utf8.encode(query.after);
    let low = { sql: `key >= ${BYTES}`, value: prefix };
    const end = prefixEnd(prefix);
    let high = end && { sql: `key < ${BYTES}`, value: end };
    if (after !== undefined && !reverse && Buffer.compare(after, prefix) >= 0) {
      low = { sql: `key > ${BYTES}`, value: after };
    } else if (after !== undefined && reverse && (end === undefined || Buffer.compare(after, end) < 0)) {
      high = { sql: `key < ${BYTES}`, value: after };
    }
    const bounds = high === undefined ? [low] : [low, high];
    const scan = this.#scan(bounds.map(({ sql }) => sql).join(" AND "), reverse);
    const entries: [string, Uint8Array][] = [];
    for (const row of scan.iterate(...bounds.map(({ value }) => value), limit + 1)) {
      if (entries.length === limit) return { entries, more: true };
      entries.push([decoder.decode(row.key as Uint8Array), row.value as Uint8Array]);
    }
    return { entries, more: false };
  }

  async batch(ops: KVOp[]): Promise<void> {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const op of ops) {
        if (op.type === "set") this.#put(op.key, op.value);
        else this.#delete.run(utf8.encode(op.key));
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /** Closes the file. Calls after it reject. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#scans.clear();
    this.#db.close();
  }

  /** Some failures, such as a full disk, have ended the transaction already: then there is none to roll back. */
  #rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {}
  }

  #put(key: string, value: Uint8Array): void {
    if (value.length > MAX_VALUE) {
      throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
    }
    this.#set.run(utf8.encode(key), value);
  }

  /** One prepared statement for each of the few shapes of a list. */
  #scan(where: string, reverse: boolean): StatementSync {
    const sql = `SELECT key, value FROM kv WHERE ${where} ORDER BY key ${reverse ? "DESC" : "ASC"} LIMIT ?`;
    let statement = this.#scans.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#scans.set(sql, statement);
    }
    return statement;
  }
}

const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The least bytes above everything that starts with `prefix`; undefined when there are none. */
function prefixEnd(prefix: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = prefix.slice(0, length);
  end[length - 1] = (end[length - 1] as number) + 1;
  return end;
}

/**
 * Opens the file and makes the table. Several processes that make the same file at once can get SQLITE_BUSY here
 * without SQLite waiting first, as the busy timeout does not cover the change to a write-ahead log.
 */
function open(path: string, busyTimeoutMs: number): DatabaseSync {
  const deadline = Date.now() + busyTimeoutMs;
  for (;;) {
    const db = new (sqlite().DatabaseSync)(path);
    try {
      db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
      db.exec(SCHEMA);
      return db;
    } catch (error) {
      db.close();
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || Date.now() >= deadline) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

const SQLITE_BUSY = 5;
