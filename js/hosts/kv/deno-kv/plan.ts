/** What a batch writes, as entries of a `Deno.Kv`. */

import type { DenoKvKey } from "./database.ts";
import {
  HEAD_BYTES,
  type Journal,
  type Layout,
  MOST_BYTES,
  PART_BYTES,
  partCount,
  type Split,
} from "./layout.ts";

/** One part of a value. */
export interface Part {
  key: DenoKvKey;
  bytes: Uint8Array;
}

export interface Plan {
  /** By the contract's key; null where it is deleted. */
  heads: Map<string, Uint8Array | Split | null>;
  /** Parts of all values that have some, under ids which are used the first time. */
  parts: Part[];
  /** The same, as a journal names them. */
  named: Journal["parts"];
  /** Bytes of parts that fit into the transaction which writes the heads. */
  room: number;
}

export function planOf(writes: ReadonlyMap<string, Uint8Array | null>, layout: Layout): Plan {
  const plan: Plan = { heads: new Map(), parts: [], named: [], room: MOST_BYTES };
  const split = (key: string, value: Uint8Array) => {
    const id = crypto.randomUUID();
    plan.heads.set(key, { id, bytes: value.length });
    plan.named.push([id, partCount(value.length)]);
    for (let at = 0; at < value.length; at += PART_BYTES)
      plan.parts.push({ key: layout.part(id, at / PART_BYTES), bytes: value.subarray(at, at + PART_BYTES) });
  };
  const small: [string, Uint8Array][] = [];
  for (const [key, value] of writes) {
    if (value === null) plan.heads.set(key, null);
    else if (value.length <= HEAD_BYTES) small.push([key, value]);
    else split(key, value);
  }
  // From the smallest on: what does not fit beside the others stands in a part.
  for (const [key, value] of small.sort(([, a], [, b]) => a.length - b.length)) {
    if (value.length > plan.room) split(key, value);
    else {
      plan.heads.set(key, value);
      plan.room -= value.length;
    }
  }
  return plan;
}
