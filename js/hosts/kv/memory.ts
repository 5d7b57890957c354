/** A key-value store that lives as long as the process: for tests, pages and small uses. */

import { sameBytes } from "../../core/bytes.ts";
import type { KV, KVCheck, KVOp, KVPage, KVQuery } from "../../core/types.ts";
import { compareKeys, keyPrefixEnd, SortedKeys } from "../shared/sorted-keys.ts";

const MAX_VALUE = 16 * 1024 * 1024;

/** A {@link KV} in memory. Values are copied on the way in and out. */
export class MemoryKV implements KV {
  readonly caps = { consistency: "strong", atomic: true, checks: true, maxValue: MAX_VALUE } as const;
  readonly #values = new Map<string, Uint8Array>();
  readonly #keys = new SortedKeys();

  async get(key: string): Promise<Uint8Array | null> {
    return this.#values.get(key)?.slice() ?? null;
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    checkSize(key, value);
    this.#set(key, value);
  }

  async delete(key: string): Promise<void> {
    this.#delete(key);
  }

  async list(query: KVQuery): Promise<KVPage> {
    const { prefix, limit = 1000 } = query;
    const entries: KVPage["entries"] = [];
    for (const key of query.reverse ? this.#down(prefix, query.after) : this.#up(prefix, query.after)) {
      if (!key.startsWith(prefix)) break;
      if (entries.length >= limit) return { entries, more: true };
      entries.push([key, (this.#values.get(key) as Uint8Array).slice()]);
    }
    return { entries, more: false };
  }

  async batch(ops: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    for (const op of ops) if (op.type === "set") checkSize(op.key, op.value);
    if (!checks.every(({ key, value }) => sameBytes(this.#values.get(key) ?? null, value))) return false;
    for (const op of ops) {
      if (op.type === "set") this.#set(op.key, op.value);
      else this.#delete(op.key);
    }
    return true;
  }

  #set(key: string, value: Uint8Array): void {
    if (!this.#values.has(key)) this.#keys.add(key);
    // Not `value.slice()`: of a Node Buffer that is a view of the caller's bytes.
    this.#values.set(key, new Uint8Array(value));
  }

  #delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.delete(key);
  }

  *#up(prefix: string, after: string | undefined): Generator<string, void> {
    if (after === undefined || compareKeys(after, prefix) < 0) return yield* this.#keys.ascending(prefix);
    for (const key of this.#keys.ascending(after)) if (key !== after) yield key;
  }

  *#down(prefix: string, after: string | undefined): Generator<string, void> {
    const end = keyPrefixEnd(prefix);
    const below = end === undefined || (after !== undefined && compareKeys(after, end) < 0);
    yield* this.#keys.descending(below ? after : end);
  }
}

function checkSize(key: string, value: Uint8Array): void {
  if (value.length <= MAX_VALUE) return;
  throw new RangeError(`The value of '${key}' has ${value.length} bytes; at most ${MAX_VALUE} are kept.`);
}
