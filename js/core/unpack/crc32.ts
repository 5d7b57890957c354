/** CRC-32 as gzip has it, four bytes at a time. */

import { at } from "./source.ts";

const SIZE = 256;
const tables = new Int32Array(4 * SIZE);
for (let byte = 0; byte < SIZE; byte++) {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  tables[byte] = sum;
}
for (let index = SIZE; index < tables.length; index++) {
  const before = at(tables, index - SIZE);
  tables[index] = (before >>> 8) ^ at(tables, before & 0xff);
}

/** The sum of what came before, and of these bytes. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let sum = ~before;
  let index = 0;
  for (const whole = bytes.length - 3; index < whole; index += 4) {
    sum ^=
      at(bytes, index) |
      (at(bytes, index + 1) << 8) |
      (at(bytes, index + 2) << 16) |
      (at(bytes, index + 3) << 24);
    sum =
      at(tables, 3 * SIZE + (sum & 0xff)) ^
      at(tables, 2 * SIZE + ((sum >>> 8) & 0xff)) ^
      at(tables, SIZE + ((sum >>> 16) & 0xff)) ^
      at(tables, sum >>> 24);
  }
  for (; index < bytes.length; index++) sum = (sum >>> 8) ^ at(tables, (sum ^ at(bytes, index)) & 0xff);
  return ~sum >>> 0;
}
