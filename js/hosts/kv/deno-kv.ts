/** A key-value store in Deno's own, `Deno.Kv`, for any number of processes. It is given what `Deno.openKv` opens. */

import { sameBytes } from "../../core/bytes.ts";
import { InvalidRequestError } from "../../core/errors.ts";
import { checkNames, checkType, type NamesOf } from "../../core/options.ts";
import type { KV, KVCheck, KVOp, KVPage, KVQuery } from "../../core/types.ts";
import { compareKeys, keyPrefixEnd } from "../shared/sorted-keys.ts";
import { Calls, patiently } from "./deno-kv/calls.ts";
import type { DenoKvDatabase, DenoKvEntry, DenoKvKey, DenoKvTransaction } from "./deno-kv/database.ts";
import {
  type Journal,
  keyBytes,
  Layout,
  MOST_CHECKS,
  MOST_KEY_BYTES,
  MOST_LISTED,
  MOST_MUTATIONS,
  MOST_WRITES,
  partCount,
  type Split,
} from "./deno-kv/layout.ts";
import { Parts, type Staged } from "./deno-kv/parts.ts";
import { type Plan, planOf } from "./deno-kv/plan.ts";

export type {
  DenoKvDatabase,
  DenoKvEntry,
  DenoKvKey,
  DenoKvTransaction,
  DenoKvVersion,
} from "./deno-kv/database.ts";

/** Options of {@link DenoKV}. */
export interface DenoKVOptions {
  /** What the keys of all entries begin with, apart from those of others in the same database. Default `["edgebatch"]`. */
  prefix?: DenoKvKey;
  /** How long a call waits for another process's write, in milliseconds. Default 10,000. */
  busyTimeoutMs?: number;
}

const names: NamesOf<DenoKVOptions> = { prefix: true, busyTimeoutMs: true };

const MAX_VALUE = 16 * 1024 * 1024;
const BUSY_TIMEOUT_MS = 10_000;

/**
 * A {@link KV} in a `Deno.Kv` over a file of this machine, which several processes may share. A value of more than 16 KiB
 * stands in parts, which are written first; one transaction, with the checks, then writes what names them. What a killed
 * process leaves of parts is cleared away by whoever writes a minute later. A batch may write up to 900 keys and check up to
 * 98; a larger one is refused.
 *
 * A check compares the value as it is read with what it should be, and has Deno check that version of the entry when it writes.
 * The same way each write knows which parts it replaces. A write that another came before is made anew, unless a check
 * fails by then: each such refusal is another's success.
 */
export class DenoKV implements KV {
  readonly caps = {
    consistency: "strong",
    atomic: true,
    checks: true,
    keys: true,
    maxValue: MAX_VALUE,
  } as const;
  readonly #database: DenoKvDatabase;
  readonly #calls: Calls;
  readonly #layout: Layout;
  readonly #parts: Parts;

  /** `database` is what `Deno.openKv` gave. */
  constructor(database: DenoKvDatabase, options: DenoKVOptions = {}) {
    checkNames(options, names, "DenoKV");
    const { prefix = ["edgebatch"] } = options;
    checkType("database", database, "object");
    if (!Array.isArray(prefix)) throw invalid("prefix", "an array of parts of a key");
    this.#database = database;
    this.#calls = new Calls(database, busyTimeout(options));
    this.#layout = new Layout(prefix);
    this.#parts = new Parts(this.#calls, this.#layout);
  }

  /** Opens a store with `() => Deno.openKv(path)`, which is rejected while another process opens, or makes, the same file. */
  static async open(open: () => Promise<DenoKvDatabase>, options: DenoKVOptions = {}): Promise<DenoKV> {
    checkType("open", open, "function");
    return new DenoKV(await patiently(open, busyTimeout(options)), options);
  }

  async get(key: string): Promise<Uint8Array | null> {
    return this.#value(await this.#calls.readOne(this.#layout.head(key)));
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.batch([{ type: "set", key, value }]);
  }

  async delete(key: string): Promise<void> {
    await this.batch([{ type: "delete", key }]);
  }

  async list(query: KVQuery): Promise<KVPage> {
    const { prefix, after, reverse = false } = query;
    // The heads of a page are read together, so that it is of one moment.
    const limit = Math.min(query.limit ?? MOST_LISTED, MOST_LISTED);
    let [from, to] = [prefix, keyPrefixEnd(prefix)];
    if (after !== undefined && !reverse && compareKeys(after, prefix) >= 0) from = `${after}\0`;
    if (after !== undefined && reverse && (to === undefined || compareKeys(after, to) < 0)) to = after;
    if (to !== undefined && compareKeys(from, to) >= 0) return { entries: [], more: false };
    const end = to === undefined ? this.#layout.headsEnd() : this.#layout.head(to);
    const heads = await this.#calls.list(this.#layout.head(from), end, limit + 1, reverse);
    const entries: KVPage["entries"] = [];
    for (const head of heads.slice(0, limit)) {
      const value = query.keys ? NOTHING : await this.#value(head);
      if (value !== null) entries.push([this.#layout.keyOf(head.key), value]);
    }
    return { entries, more: heads.length > limit };
  }

  async batch(ops: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    const writes = new Map<string, Uint8Array | null>();
    for (const op of ops) {
      if (op.type === "set") checkSize(op.key, op.value);
      // Of several writes to a key the last is what stays.
      writes.set(op.key, op.type === "set" ? op.value : null);
    }
    const checked = new Set(checks.map(({ key }) => key));
    if (writes.size > MOST_WRITES) throw tooMany("writes", writes.size, MOST_WRITES);
    if (checked.size > MOST_CHECKS) throw tooMany("checks", checked.size, MOST_CHECKS);
    await this.#parts.sweep();
    const all = [...new Set([...checked, ...writes.keys()])];
    let plan: Plan | undefined;
    let staged: Staged | null = null;
    for (;;) {
      const seen = await this.#seen(all, checked);
      if (!(await this.#hold(checks, seen.heads))) {
        if (staged?.journal) await this.#clear(staged.journal, plan?.named);
        return false;
      }
      plan ??= planOf(writes, this.#layout);
      staged ??= await this.#parts.stage(plan);
      if (staged !== null && (await this.#commit(plan, staged, seen))) return true;
      if (staged === null || (staged.journal !== null && !(await this.#parts.isStanding(staged.journal))))
        [plan, staged] = [undefined, null];
    }
  }

  /** Closes the database. Calls after it reject. */
  close(): void {
    this.#database.close();
  }

  /** What a head stands for, as it is read or as it has become meanwhile. */
  async #value(head: DenoKvEntry): Promise<Uint8Array | null> {
    for (let entry = head; ; ) {
      if (!isSplit(entry.value)) return entry.value as Uint8Array | null;
      const value = await this.#parts.read(entry.value);
      if (value !== null) return value;
      // Its parts go when another has replaced it.
      const next = await this.#calls.readOne(entry.key);
      if (next.versionstamp === entry.versionstamp)
        throw new Error(`the value of '${this.#layout.keyOf(entry.key)}' is not all there`);
      entry = next;
    }
  }

  /**
   * What the keys have, and which versions a transaction must check so that this is what it replaces: theirs, if these are not
   * more than Deno checks. If they are, it is enough for what is written that nobody has replaced a value in parts since.
   */
  async #seen(keys: string[], checked: ReadonlySet<string>): Promise<Seen> {
    const isFew = keys.length <= MOST_CHECKS;
    const versions = isFew ? [] : [await this.#calls.readOne(this.#layout.split)];
    const entries = await this.#calls.read(keys.map((key) => this.#layout.head(key)));
    const heads = new Map(keys.map((key, i) => [key, entries[i] as DenoKvEntry]));
    for (const [key, entry] of heads) if (isFew || checked.has(key)) versions.push(entry);
    return { heads, versions };
  }

  async #hold(checks: KVCheck[], heads: Seen["heads"]): Promise<boolean> {
    for (const { key, value } of checks) {
      const entry = heads.get(key) as DenoKvEntry;
      if (isSplit(entry.value) && entry.value.bytes !== value?.length) return false;
      if (!sameBytes(await this.#value(entry), value)) return false;
    }
    return true;
  }

  /** Writes the heads, and what is left of their parts, unless something has changed since it was seen. */
  async #commit({ heads, named }: Plan, { journal, rest }: Staged, seen: Seen): Promise<boolean> {
    const old: Journal["parts"] = [];
    for (const key of heads.keys()) {
      const value = seen.heads.get(key)?.value;
      if (isSplit(value)) old.push([value.id, partCount(value.bytes)]);
    }
    const sets = [...heads].map(([key, value]) => ({ key: this.#layout.head(key), value }));
    const fixed = [...seen.versions, ...sets, ...rest].reduce((sum, { key }) => sum + keyBytes(key), 0);
    const gone = old.flatMap(([id, count]) =>
      Array.from({ length: count }, (_, index) => this.#layout.part(id, index)),
    );
    const beside = 2;
    const isAtOnce =
      sets.length + rest.length + gone.length + beside <= MOST_MUTATIONS &&
      gone.reduce((sum, key) => sum + keyBytes(key), fixed) <= MOST_KEY_BYTES - 1_000;
    const journalKey = journal?.key ?? this.#layout.journal(crypto.randomUUID());
    const version = await this.#calls.commit((transaction: DenoKvTransaction) => {
      for (const entry of seen.versions) transaction.check(entry);
      if (journal) transaction.check(journal);
      for (const { key, value } of sets) {
        if (value === null) transaction.delete(key);
        else transaction.set(key, value);
      }
      for (const { key, bytes } of rest) transaction.set(key, bytes);
      if (named.length > 0) transaction.set(this.#layout.split, 0);
      if (isAtOnce) {
        for (const key of gone) transaction.delete(key);
        if (journal) transaction.delete(journal.key);
      } else transaction.set(journalKey, { at: Date.now(), parts: old } satisfies Journal);
    });
    if (version === null) return false;
    if (!isAtOnce) await this.#clear({ key: journalKey, versionstamp: version }, old);
    return true;
  }

  /** Clears away what a journal names. What fails of it changes nothing for the caller, and is left to a later sweep. */
  async #clear(journal: { key: DenoKvKey; versionstamp: string | null }, parts: Journal["parts"] = []) {
    await this.#parts.clear(journal, parts).catch(() => undefined);
  }
}

/** The entries of some keys, and the versions by which they are still that when something is written. */
interface Seen {
  heads: Map<string, DenoKvEntry>;
  versions: DenoKvEntry[];
}

const NOTHING = new Uint8Array(0);

function isSplit(value: unknown): value is Split {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

function busyTimeout({ busyTimeoutMs = BUSY_TIMEOUT_MS }: DenoKVOptions): number {
  if (!Number.isInteger(busyTimeoutMs) || busyTimeoutMs < 0 || busyTimeoutMs > 0x7fffffff)
    throw invalid("busyTimeoutMs", "a whole number of milliseconds");
  return busyTimeoutMs;
}

function invalid(param: string, expected: string): InvalidRequestError {
  const message = `Invalid value for '${param}': expected ${expected}.`;
  return new InvalidRequestError(message, { param, code: "invalid_value" });
}

function tooMany(what: string, count: number, most: number): RangeError {
  return new RangeError(`A batch of ${count} ${what}; Deno KV takes at most ${most} at once.`);
}

function checkSize(key: string, value: Uint8Array): void {
  if (value.length <= MAX_VALUE) return;
  throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
}
