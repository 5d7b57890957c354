/**
 * How values stand in a `Deno.Kv`, which takes 64 KiB a value and 800 KiB a transaction:
 *
 * - `[...prefix, "key", <UTF-8>]`, the head of a key: a small value itself, or a {@link Split} that names its parts.
 * - `[...prefix, "part", id, 0…]`, the parts of one value. Each value that is written has an id of its own, so parts are never
 *   replaced, and what a head names is whole or gone.
 * - `[...prefix, "journal", id]`, a {@link Journal}: parts that no head names, not yet or no longer.
 * - `[...prefix, "split"]`, replaced with every value in parts.
 */

import type { DenoKvKey } from "./database.ts";

// Deno's limits, as Deno 2.9 says them when it refuses more.
/** Keys of one `getMany`. */
export const MOST_READ = 10;
/** Entries of one batch of a `list`, which are read together. */
export const MOST_LISTED = 1_000;
/** Versions that one transaction looks at, but for those of the journal and of {@link Layout.split}. */
export const MOST_CHECKS = 100 - 2;
/** Writes of one transaction. */
export const MOST_MUTATIONS = 1_000;
/** Bytes of all keys of one transaction. */
export const MOST_KEY_BYTES = 81_920;
/** Bytes of one value. */
export const PART_BYTES = 65_536;

/** Bytes of a value that its head holds. Whoever lists keys reads the heads: a thousand of these are 16 MiB. */
export const HEAD_BYTES = 16_384;
/** Bytes of values in one transaction: Deno's 819,200, less what keys, heads and a journal of one take. */
export const MOST_BYTES = 640_000;
/** Keys that one batch may write: Deno's 1,000, less parts that go with them and the entries beside. */
export const MOST_WRITES = 900;

/** The head of a value in parts. */
export interface Split {
  id: string;
  bytes: number;
}

/** Parts that no head names. */
export interface Journal {
  /** When they were written, or named no longer, in milliseconds. */
  at: number;
  parts: [id: string, count: number][];
}

export class Layout {
  readonly split: DenoKvKey;
  readonly #prefix: DenoKvKey;

  constructor(prefix: DenoKvKey) {
    this.#prefix = prefix;
    this.split = [...prefix, "split"];
  }

  /** Of Deno's parts of a key, arrays of bytes alone are ordered as the contract has it. */
  head(key: string): DenoKvKey {
    return [...this.#prefix, "key", utf8.encode(key)];
  }

  /** Above all heads: text comes after bytes. */
  headsEnd(): DenoKvKey {
    return [...this.#prefix, "key", ""];
  }

  keyOf(head: DenoKvKey): string {
    return decoder.decode(head.at(-1) as Uint8Array);
  }

  part(id: string, index: number): DenoKvKey {
    return [...this.#prefix, "part", id, index];
  }

  journal(id: string): DenoKvKey {
    return [...this.#prefix, "journal", id];
  }

  /** Above all journals: numbers come after text. */
  journalsEnd(): DenoKvKey {
    return [...this.#prefix, "journal", 0];
  }
}

/** How many parts a value of so many bytes has. */
export function partCount(bytes: number): number {
  return Math.ceil(bytes / PART_BYTES);
}

/** At most so many bytes a key takes in a transaction: zeros of an array are doubled. */
export function keyBytes(key: DenoKvKey): number {
  let bytes = 0;
  for (const part of key) {
    if (part instanceof Uint8Array) {
      bytes += part.length + 2;
      for (const byte of part) if (byte === 0) bytes++;
    } else bytes += typeof part === "string" ? 3 * part.length + 2 : 11;
  }
  return bytes;
}

const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
