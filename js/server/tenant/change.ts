/**
 * Changes of several records at once: what was read is checked when it is written, and where something has changed since,
 * all is done again. So several processes may serve a tenant, and within one, calls may overlap.
 */

import { sameBytes } from "../../core/bytes.ts";
import type { KV, KVCheck, KVOp } from "../../core/types.ts";

/** Tries before a change fails: by then something is wrong. */
const MOST_TRIES = 100;
/** Milliseconds that a try may wait for others at first, and at most. */
const FIRST_PAUSE = 1;
const MOST_PAUSE = 100;

export class Change {
  readonly #kv: KV;
  readonly #read = new Map<string, Uint8Array | null>();
  readonly #written = new Map<string, Uint8Array | null>();

  constructor(kv: KV) {
    this.#kv = kv;
  }

  /** A record, as it will be. If it changes before this change is carried out, that begins again. */
  async bytes(key: string): Promise<Uint8Array | null> {
    const written = this.#written.get(key);
    if (written !== undefined) return written;
    let value = this.#read.get(key);
    if (value === undefined) {
      value = await this.#kv.get(key);
      this.#read.set(key, value);
    }
    return value;
  }

  async get<T>(key: string): Promise<T | null> {
    const value = await this.bytes(key);
    return value && decoded<T>(value);
  }

  set(key: string, value: unknown): void {
    this.#written.set(key, encoded(value));
  }

  setBytes(key: string, value: Uint8Array): void {
    this.#written.set(key, value);
  }

  delete(key: string): void {
    this.#written.set(key, null);
  }

  /** The writes so far. */
  ops(): KVOp[] {
    return [...this.#written].map(([key, value]) =>
      value === null ? { type: "delete", key } : { type: "set", key, value },
    );
  }

  /** Carries everything out, or nothing: false when a record was changed by others, or one of `checks` fails. */
  async commit(ops: KVOp[] = [], checks: KVCheck[] = []): Promise<boolean> {
    const all = [...ops, ...this.ops()];
    if (all.length === 0) return true;
    const read = [...this.#read].map(([key, value]): KVCheck => ({ key, value }));
    return batch(this.#kv, all, [...checks, ...read]);
  }
}

/** Makes a change. What `work` throws ends it, and nothing is written. */
export async function change<T>(kv: KV, work: (change: Change) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const made = new Change(kv);
    const result = await work(made);
    if (await made.commit()) return result;
    await pause(tries);
  }
}

/** `kv.batch` together with a change: whether it was carried out, false when one of `checks` fails. */
export async function batchWith(
  kv: KV,
  ops: KVOp[],
  checks: KVCheck[],
  work: (change: Change) => Promise<void>,
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const made = new Change(kv);
    await work(made);
    if (await made.commit(ops, checks)) return true;
    for (const { key, value } of checks) if (!sameBytes(await kv.get(key), value)) return false;
    await pause(tries);
  }
}

/** Every entry below a prefix, page by page. */
export async function* entries(
  kv: KV,
  prefix: string,
  pageSize = 1000,
): AsyncGenerator<[key: string, value: Uint8Array], undefined> {
  for (let after: string | undefined; ; ) {
    const page = await kv.list({ prefix, limit: pageSize, ...(after !== undefined && { after }) });
    yield* page.entries;
    after = page.entries.at(-1)?.[0];
    if (!page.more || after === undefined) return;
  }
}

export function encoded(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function decoded<T>(value: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(value)) as T;
}

async function batch(kv: KV, ops: KVOp[], checks: KVCheck[]): Promise<boolean> {
  if (!kv.batch || !kv.caps.checks) throw new Error("a tenant's store must take checks");
  return kv.batch(ops, checks);
}

async function pause(tries: number): Promise<void> {
  if (tries >= MOST_TRIES) throw new Error("records of the tenant change all the time");
  const most = Math.min(FIRST_PAUSE * 2 ** tries, MOST_PAUSE);
  await new Promise((next) => setTimeout(next, Math.random() * most));
}
