/** A key-value store in one SQLite file, with Node's own `node:sqlite`. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { prefixEnd, sameBytes } from "../../core/bytes.ts";
import { InvalidRequestError, type StoreHolder, StoreInUseError } from "../../core/errors.ts";
import { checkNames, checkType, type NamesOf } from "../../core/options.ts";
import type { KV, KVCheck, KVOp, KVPage, KVQuery, StoreLock } from "../../core/types.ts";
import { makeDirectory } from "../shared/disk.ts";
import { os, paths, sqlite } from "../shared/node-modules.ts";
import { type FileLock, isBusy, lockFile } from "./sqlite-lock.ts";

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

const names: NamesOf<SqliteKVOptions> = { durability: true, busyTimeoutMs: true };

const MAX_VALUE = 16 * 1024 * 1024;

// Blobs compare byte by byte, which is the order a KV promises. Measured for results of 2 KB in batches of 64: keys in
// an index of their own (and not WITHOUT ROWID) are as quick in order and twice as quick out of order, and pages of
// 16 KiB are a quarter quicker than SQLite's usual 4 KiB.
const SCHEMA = `
  PRAGMA page_size = 16384;
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS kv (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL)`;

// Beside the lock, which only says that there is a holder.
const HOLDER = `
  CREATE TABLE IF NOT EXISTS holder (pid INTEGER NOT NULL, host TEXT NOT NULL, since INTEGER NOT NULL)`;

// Some versions of Node 22 bind an array of no bytes as NULL.
const BYTES = "ifnull(?, x'')";

/**
 * A {@link KV} in an SQLite file (write-ahead log, readers never wait). Calls work synchronously inside: a write
 * returns when SQLite has it, and waiting for another process blocks the thread. Several processes may share the file,
 * to create, read and cancel batches; one at a time may run them, which a lock on `<path>.lock` sees to.
 */
export class SqliteKV implements KV {
  readonly caps = {
    consistency: "strong",
    atomic: true,
    checks: true,
    keys: true,
    maxValue: MAX_VALUE,
  } as const;
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #set: StatementSync;
  readonly #delete: StatementSync;
  #closed = false;
  #lock: FileLock | undefined;
  readonly #scans = new Map<string, StatementSync>();

  /** Opens the file, or makes it, and its folder too, which then is for this user alone. */
  constructor(path: string, options: SqliteKVOptions = {}) {
    checkNames(options, names, "SqliteKV");
    const { durability = "power", busyTimeoutMs = 10_000 } = options;
    checkType("path", path, "string");
    if (durability !== "power" && durability !== "process")
      throw invalid("durability", '"power" or "process"');
    if (!Number.isInteger(busyTimeoutMs) || busyTimeoutMs < 0 || busyTimeoutMs > 0x7fffffff) {
      throw invalid("busyTimeoutMs", "a whole number of milliseconds");
    }
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
    return this.#find(key);
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    this.#put(key, value);
  }

  async delete(key: string): Promise<void> {
    this.#delete.run(utf8.encode(key));
  }

  async list(query: KVQuery): Promise<KVPage> {
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
    const value = query.keys ? "x'' AS value" : "value";
    const scan = this.#scan(value, bounds.map(({ sql }) => sql).join(" AND "), reverse);
    const entries: KVPage["entries"] = [];
    for (const row of scan.iterate(...bounds.map(({ value }) => value), limit + 1)) {
      if (entries.length === limit) return { entries, more: true };
      entries.push([decoder.decode(row.key as Uint8Array), row.value as Uint8Array]);
    }
    return { entries, more: false };
  }

  async batch(ops: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    // Locks out other processes' writes from the start: what the checks see is what the writes replace.
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      if (!checks.every(({ key, value }) => sameBytes(this.#find(key), value))) {
        this.#rollback();
        return false;
      }
      for (const op of ops) {
        if (op.type === "set") this.#put(op.key, op.value);
        else this.#delete.run(utf8.encode(op.key));
      }
      this.#db.exec("COMMIT");
      return true;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  async lock(): Promise<StoreLock> {
    // SQLite's own name for the file, which is the same whatever links lead to it; a store in memory has none.
    const { file } = this.#db.prepare("PRAGMA database_list").get() as { file: string };
    if (file === "") return { release: async () => {} };
    const lock = lockFile(`${file}.lock`);
    if (lock === null) throw new StoreInUseError(file, await this.#holder());
    this.#lock = lock;
    try {
      this.#db.exec(`${HOLDER}; DELETE FROM holder`);
      const insert = this.#db.prepare("INSERT INTO holder VALUES (?, ?, ?)");
      insert.run(process.pid, os().hostname(), Math.floor(Date.now() / 1000));
    } catch (error) {
      lock.release();
      throw error;
    }
    return { release: async () => lock.release() };
  }

  /** Closes the file, and releases its lock. Calls after it reject. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#lock?.release();
    this.#scans.clear();
    this.#db.close();
  }

  /** Who holds the lock: whoever does writes its name down at once. Null when that is not known. */
  async #holder(): Promise<StoreHolder | null> {
    for (let tries = 0; tries < 20; tries++) {
      try {
        const row = this.#db.prepare("SELECT pid, host, since FROM holder").get() as StoreHolder | undefined;
        if (row !== undefined && !isGone(row)) return { ...row };
      } catch {
        // The table is not made yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return null;
  }

  /** Some failures, such as a full disk, have ended the transaction already: then there is none to roll back. */
  #rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {}
  }

  #find(key: string): Uint8Array | null {
    const row = this.#get.get(utf8.encode(key));
    return row === undefined ? null : (row.value as Uint8Array);
  }

  #put(key: string, value: Uint8Array): void {
    if (value.length > MAX_VALUE) {
      throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
    }
    this.#set.run(utf8.encode(key), value);
  }

  /** One prepared statement for each of the few shapes of a list. */
  #scan(value: string, where: string, reverse: boolean): StatementSync {
    const sql = `SELECT key, ${value} FROM kv WHERE ${where} ORDER BY key ${reverse ? "DESC" : "ASC"} LIMIT ?`;
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

function invalid(param: string, expected: string): InvalidRequestError {
  const message = `Invalid value for '${param}': expected ${expected}.`;
  return new InvalidRequestError(message, { param, code: "invalid_value" });
}

/** Whether a process of this machine is gone: its name was left by a crash. */
function isGone({ pid, host }: StoreHolder): boolean {
  if (host !== os().hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/**
 * Opens the file and makes the table. Several processes that make the same file at once can get SQLITE_BUSY here
 * without SQLite waiting first, as the busy timeout does not cover the change to a write-ahead log.
 */
function open(path: string, busyTimeoutMs: number): DatabaseSync {
  const { DatabaseSync } = sqlite();
  const deadline = Date.now() + busyTimeoutMs;
  for (;;) {
    let db: DatabaseSync | undefined;
    try {
      // Not for `:memory:`, nor for what SQLite reads as an address.
      if (path !== "" && !/^(:memory:$|file:)/.test(path))
        makeDirectory(paths().dirname(paths().resolve(path)));
      db = new DatabaseSync(path);
      db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
      db.exec(SCHEMA);
      return db;
    } catch (error) {
      db?.close();
      if (!isBusy(error) || Date.now() >= deadline) {
        (error as Error).message = `cannot open the store ${path}: ${(error as Error).message}`;
        throw error;
      }
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}
