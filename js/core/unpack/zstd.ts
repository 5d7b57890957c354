/** Zstandard (RFC 8878): frames, one or several, as they come. What is held is a frame's window, and one block. */

import { at, damaged, type Source, UnpackError } from "./source.ts";
import { Xxh64 } from "./xxh64.ts";
import { BLOCK_BYTES, Block } from "./zstd-block.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_BYTES = [0, 1, 2, 4];

interface Frame {
  window: number;
  /** Bytes of its content, where it says so. */
  size: number | null;
  hasSum: boolean;
}

/**
 * What the frames hold, one after the other. Each piece is valid until the next is asked for. A frame whose window is larger
 * than `mostWindow` bytes is refused.
 * @throws UnpackError
 */
export async function* unzstd(source: Source, mostWindow: number): AsyncGenerator<Uint8Array> {
  for (let first = true; first || (await source.has(1)); first = false) {
    const magic = little(await source.take(4));
    if (magic >>> 4 === SKIPPABLE >>> 4) {
      await source.skip(little(await source.take(4)));
      continue;
    }
    if (magic !== MAGIC) throw new UnpackError("something else follows it");
    yield* content(source, await header(source, mostWindow));
  }
}

async function header(source: Source, mostWindow: number): Promise<Frame> {
  const flags = at(await source.take(1), 0);
  const isSingle = (flags & 0x20) !== 0;
  if (flags & 0x08) throw damaged();
  let window = 0;
  if (!isSingle) {
    const packed = at(await source.take(1), 0);
    const base = 2 ** (10 + (packed >> 3));
    window = base + (base / 8) * (packed & 7);
  }
  const dictionary = little(await source.take(DICTIONARY_BYTES[flags & 3] as number));
  if (dictionary !== 0) throw new UnpackError("it needs a dictionary");
  const kind = flags >> 6;
  const bytes = kind === 0 ? (isSingle ? 1 : 0) : 2 ** kind;
  const size = bytes === 0 ? null : little(await source.take(bytes)) + (kind === 1 ? 256 : 0);
  if (isSingle) window = size ?? 0;
  if (window > mostWindow) {
    const [needs, most] = [window, mostWindow].map((each) => Math.ceil(each / 2 ** 20));
    throw new UnpackError(
      `it needs a window of ${needs} MiB, and ${most} MiB are given; pack it without --long and --ultra`,
    );
  }
  return { window, size, hasSum: (flags & 4) !== 0 };
}

async function* content(source: Source, frame: Frame): AsyncGenerator<Uint8Array> {
  const block = new Block(frame.window, frame.size);
  const sum = frame.hasSum ? new Xxh64() : null;
  let total = 0;
  for (let last = false; !last; ) {
    const head = little(await source.take(3));
    last = (head & 1) === 1;
    const [kind, size] = [(head >> 1) & 3, head >>> 3];
    if (kind === 3 || size > BLOCK_BYTES) throw damaged();
    const piece =
      kind === 0
        ? block.raw(await source.take(size))
        : kind === 1
          ? block.repeated(at(await source.take(1), 0), size)
          : block.coded(await source.take(size));
    total += piece.length;
    if (frame.size !== null && total > frame.size) throw damaged();
    sum?.update(piece);
    if (piece.length > 0) yield piece;
  }
  if (frame.size !== null && total !== frame.size) throw damaged();
  if (sum !== null && little(await source.take(4)) !== sum.low()) throw damaged();
}

function little(bytes: Uint8Array): number {
  let value = 0;
  for (let index = bytes.length - 1; index >= 0; index--) value = value * 256 + at(bytes, index);
  return value;
}
