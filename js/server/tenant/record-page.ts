/** A page of records in two lists: calls between a Worker's objects have no pairs in their types. */

import type { KVPage } from "../../core/types.ts";

export interface RecordPage {
  keys: string[];
  values: Uint8Array[];
  more: boolean;
}

/** For the way between objects. */
export function inLists({ entries, more }: KVPage): RecordPage {
  return { keys: entries.map(([key]) => key), values: entries.map(([, value]) => value), more };
}

/** As a store gives it. */
export function inPairs({ keys, values, more }: RecordPage): KVPage {
  return { entries: keys.map((key, i) => [key, values[i] as Uint8Array]), more };
}
