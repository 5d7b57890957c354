/** Arrays of bytes as Postgres takes them in binary: the library would make text of them, of twice the size. */

const BYTEA = 17;

/** A `bytea[]`; null is SQL's NULL. */
export function byteaArray(values: (Uint8Array | null)[]): Buffer {
  const size = values.reduce((sum, value) => sum + 4 + (value?.length ?? 0), 0);
  const array = Buffer.allocUnsafe((values.length === 0 ? 12 : 20) + size);
  let at = array.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  at = array.writeInt32BE(values.includes(null) ? 1 : 0, at);
  at = array.writeInt32BE(BYTEA, at);
  if (values.length === 0) return array;
  at = array.writeInt32BE(values.length, at);
  at = array.writeInt32BE(1, at);
  for (const value of values) {
    at = array.writeInt32BE(value === null ? -1 : value.length, at);
    if (value === null) continue;
    array.set(value, at);
    at += value.length;
  }
  return array;
}
