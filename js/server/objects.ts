/** Which objects the records of a tenant name. */

import { prefixEnd } from "../core/bytes.ts";
import { fileBytes, uploadParts } from "./keys.ts";
import { decoded } from "./tenant/change.ts";
import type { Segment } from "./tenant/types.ts";

/** An object that is there for as long as a record names it. */
export interface NamedObject {
  key: string;
  bytes: number;
}

/** Where the records that name objects stand: bounds of ranges of keys, the second of which is outside. */
export const namingRanges: [from: Uint8Array, to: Uint8Array][] = [
  fileBytes(""),
  uploadParts("").slice(0, -1),
].map((prefix) => {
  const from = new TextEncoder().encode(prefix);
  return [from, prefixEnd(from) as Uint8Array];
});

/** The objects that one of these records names. */
export function objectsNamedBy(record: Uint8Array): NamedObject[] {
  const found = decoded<Segment[] | Segment>(record);
  // A small part is kept with the records, and has no object.
  return [found].flat().filter(({ key }) => key !== "");
}
