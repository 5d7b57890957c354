/** What is tested, and what its tests share. */

import type { KV } from "../../core/types.ts";
import { randomFrom } from "../assert.ts";

/** A fresh, empty store to be tested. */
export interface KVSubject {
  kv: KV;
  /** Called when the test is over. */
  close?(): Promise<void>;
  /**
   * Opens the same store again, as after a restart: the old one is not used again, and `close` closes the new one.
   * Without it durability is not tested.
   */
  reopen?(): Promise<KV>;
  /**
   * Opens the same store once more, as another process would: both are used from then on, and `close` closes both.
   * Without it writers are tested against each other through one opening alone.
   */
  open?(): Promise<KV>;
}

export type KVChecks = Record<string, (kv: KV, subject: KVSubject) => Promise<void>>;

const encoder = new TextEncoder();

/** The text as UTF-8. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

// biome-ignore format: a list
/** In the order of their UTF-8 bytes. JavaScript's own order puts the emoji before U+E000 and U+FF5E. */
export const ORDERED = [
  "k:", "k:\u0000", "k: ", "k:0", "k:10", "k:9", "k:A", "k:a", "k:a\u0000b", "k:aa", "k:b", "k:~", "k:\u007f",
  "k:é", "k:éa", "k:߿", "k:ࠀ", "k:日本", "k:\ud7ff", "k:\ue000", "k:\ufeff", "k:\uff5e", "k:\uffff", "k:\u{10000}",
  "k:😀", "k:😀a", "k:😁", "k:\u{10ffff}", "k:\u{10ffff}a",
];

/** The keys of a page. */
export function keys(entries: [string, Uint8Array][]): string[] {
  return entries.map(([key]) => key);
}

/** Sets each key to itself, in no order. */
export async function fill(kv: KV, all: string[]): Promise<void> {
  for (const key of shuffled(all)) await kv.set(key, utf8(key));
}

/** The same in another order, which is always the same. */
export function shuffled(all: readonly string[]): string[] {
  const random = randomFrom(7);
  const result = [...all];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [result[i], result[j]] = [result[j] as string, result[i] as string];
  }
  return result;
}
