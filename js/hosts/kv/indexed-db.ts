/** A key-value store in a browser: in a database of the site's, by IndexedDB. */

import { prefixEnd, sameBytes } from "../../core/bytes.ts";
import { StoreInUseError } from "../../core/errors.ts";
import { checkNames, type NamesOf } from "../../core/options.ts";
import type { KV, KVCheck, KVOp, KVPage, KVQuery, StoreLock } from "../../core/types.ts";
import { Database, given } from "../shared/indexed-db.ts";
import { type WebLockOptions, webLock } from "../shared/web-lock.ts";

const names: NamesOf<WebLockOptions> = { wait: true, signal: true };

const MAX_VALUE = 16 * 1024 * 1024;
const STORE = "kv";

/**
 * A {@link KV} in the IndexedDB database of a name, in a page or in a worker. Tabs and workers of a site share it: keys are
 * bytes, which IndexedDB orders as bytes, and a write is one transaction with its checks, acknowledged once the browser has
 * flushed it (`durability: "strict"`). It lasts until the site's data are cleared, by the user or, unless
 * `navigator.storage.persist()` was granted, by a browser that needs the room.
 */
export class IndexedDbKV implements KV {
  readonly caps = {
    consistency: "strong",
    atomic: true,
    checks: true,
    keys: true,
    maxValue: MAX_VALUE,
  } as const;
  readonly #name: string;
  readonly #db: Database;
  readonly #locks = new Set<StoreLock>();

  constructor(name: string) {
    this.#name = name;
    this.#db = new Database(name, [STORE]);
  }

  async get(key: string): Promise<Uint8Array | null> {
    return this.#db.read((transaction) => find(transaction.objectStore(STORE), key));
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.batch([{ type: "set", key, value }]);
  }

  async delete(key: string): Promise<void> {
    await this.batch([{ type: "delete", key }]);
  }

  async list(query: KVQuery): Promise<KVPage> {
    const range = rangeOf(query);
    if (range === null) return { entries: [], more: false };
    const { limit = 1000, reverse = false, keys = false } = query;
    return this.#db.read((transaction) => {
      const store = transaction.objectStore(STORE);
      return reverse ? down(store, range, limit, keys) : up(store, range, limit, keys);
    });
  }

  async batch(ops: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    // Copied before anything is awaited, as callers reuse their arrays; and of a view IndexedDB would keep all that is under it.
    const writes = ops.map((op) => (op.type === "set" ? { key: op.key, value: copy(op.key, op.value) } : op));
    return this.#db.write(async (transaction) => {
      const store = transaction.objectStore(STORE);
      const found = await Promise.all(checks.map(({ key }) => find(store, key)));
      if (!checks.every(({ value }, i) => sameBytes(found[i] ?? null, value))) return false;
      for (const write of writes) {
        const key = utf8.encode(write.key);
        if ("value" in write) store.put(write.value, key);
        else store.delete(key);
      }
      return true;
    });
  }

  /**
   * Claims the running of this store's batches for this tab or worker, by a Web Lock: it is free again at once when that closes or
   * crashes. Nobody must hold it, as batches have owners of their own; who does may say `soleOwner`, and need not wait out
   * the lease of a tab that is gone.
   * @throws StoreInUseError while anyone else holds it, unless it is to `wait`.
   */
  async lock(options: WebLockOptions = {}): Promise<StoreLock> {
    checkNames(options, names, "lock");
    const lock = await webLock(`edgebatch:${this.#name}`, options);
    if (lock === null) throw new StoreInUseError(`'${this.#name}' (IndexedDB)`, null);
    this.#locks.add(lock);
    return {
      release: async () => {
        this.#locks.delete(lock);
        await lock.release();
      },
    };
  }

  /** Closes the database, and releases its lock. Calls after it reject. */
  close(): void {
    this.#db.close();
    for (const lock of this.#locks) void lock.release();
    this.#locks.clear();
  }
}

const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function copy(key: string, value: Uint8Array): ArrayBuffer {
  if (value.length > MAX_VALUE) {
    throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
  }
  return new Uint8Array(value).buffer;
}

async function find(store: IDBObjectStore, key: string): Promise<Uint8Array | null> {
  const value: ArrayBuffer | undefined = await given(store.get(utf8.encode(key)));
  return value === undefined ? null : new Uint8Array(value);
}

/** The keys that a list is to go through; null when there can be none. */
function rangeOf({ prefix, after, reverse = false }: KVQuery): IDBKeyRange | null {
  const start = utf8.encode(prefix);
  const end = prefixEnd(start);
  const from = after === undefined ? undefined : utf8.encode(after);
  const isIn = from !== undefined && indexedDB.cmp(from, start) >= 0;
  if (reverse) {
    // Nothing of the prefix is before it.
    if (from !== undefined && !isIn) return null;
    const high = from !== undefined && (end === undefined || indexedDB.cmp(from, end) < 0) ? from : end;
    if (high === undefined) return IDBKeyRange.lowerBound(start);
    return indexedDB.cmp(start, high) < 0 ? IDBKeyRange.bound(start, high, false, true) : null;
  }
  const low = isIn ? from : start;
  if (end === undefined) return IDBKeyRange.lowerBound(low, isIn);
  return indexedDB.cmp(low, end) < 0 ? IDBKeyRange.bound(low, end, isIn, true) : null;
}

const entryOf = (key: IDBValidKey, value?: ArrayBuffer): KVPage["entries"][number] => [
  decoder.decode(key as ArrayBuffer),
  new Uint8Array(value ?? new ArrayBuffer(0)),
];

/** A page upwards: keys and values at a stroke. */
async function up(
  store: IDBObjectStore,
  range: IDBKeyRange,
  limit: number,
  keysAlone: boolean,
): Promise<KVPage> {
  const [keys, values] = await Promise.all([
    given(store.getAllKeys(range, limit + 1)),
    keysAlone ? [] : given<ArrayBuffer[]>(store.getAll(range, limit)),
  ]);
  const entries = keys.slice(0, limit).map((key, i) => entryOf(key, values[i]));
  return { entries, more: keys.length > limit };
}

/** A page downwards, which not every browser reads at a stroke. */
function down(store: IDBObjectStore, range: IDBKeyRange, limit: number, keysAlone: boolean): Promise<KVPage> {
  const entries: KVPage["entries"] = [];
  const walk = <T extends IDBCursor>(
    request: IDBRequest<T | null>,
    read: (cursor: T) => ArrayBuffer | undefined,
  ) =>
    new Promise<KVPage>((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (cursor === null || entries.length === limit) return resolve({ entries, more: cursor !== null });
        entries.push(entryOf(cursor.key, read(cursor)));
        cursor.continue();
      };
    });
  if (keysAlone) return walk(store.openKeyCursor(range, "prev"), () => undefined);
  return walk(store.openCursor(range, "prev"), ({ value }) => value);
}
