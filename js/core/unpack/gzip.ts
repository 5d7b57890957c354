/** gzip (RFC 1952): one member or several, each with its sum. */

import { crc32 } from "./crc32.ts";
import { inflate } from "./inflate.ts";
import { at, cutOff, damaged, type Source, UnpackError } from "./source.ts";

const [ID1, ID2, DEFLATE] = [0x1f, 0x8b, 8];
const FLAG = { headerSum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };
/** A name or a comment, of which nothing is kept. */
const MOST_TEXT = 64 * 1024;

/** What the members hold, one after the other. Each piece is valid until the next is asked for. @throws UnpackError */
export async function* gunzip(source: Source): AsyncGenerator<Uint8Array> {
  do {
    await skipHeader(source);
    let [sum, size] = [0, 0];
    for await (const piece of inflate(source)) {
      sum = crc32(piece, sum);
      size = (size + piece.length) >>> 0;
      yield piece;
    }
    const end = await source.take(8);
    const view = new DataView(end.buffer, end.byteOffset, end.length);
    if (view.getUint32(0, true) !== sum || view.getUint32(4, true) !== size) throw damaged();
  } while (await hasAnother(source));
}

async function skipHeader(source: Source): Promise<void> {
  const head = await source.take(10);
  const flags = at(head, 3);
  if (head[0] !== ID1 || head[1] !== ID2) throw new UnpackError("something else follows it");
  if (head[2] !== DEFLATE || flags & FLAG.reserved) throw damaged();
  if (flags & FLAG.extra) {
    const size = await source.take(2);
    await source.skip(at(size, 0) | (at(size, 1) << 8));
  }
  if (flags & FLAG.name) await skipText(source);
  if (flags & FLAG.comment) await skipText(source);
  if (flags & FLAG.headerSum) await source.skip(2);
}

async function skipText(source: Source): Promise<void> {
  for (let left = MOST_TEXT; left > 0; left--) {
    if (!(await source.has(1))) throw cutOff();
    if (source.bytes[source.from++] === 0) return;
  }
  throw damaged();
}

/** Zeros at the end are padding, as of tapes. */
async function hasAnother(source: Source): Promise<boolean> {
  if (!(await source.has(1))) return false;
  if (source.bytes[source.from] !== 0) return true;
  while (await source.has(1)) {
    if (source.bytes[source.from++] !== 0) throw new UnpackError("something else follows it");
  }
  return false;
}
