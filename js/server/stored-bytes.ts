/** Bytes of a file that lies in one or more objects. */

import type { Blobs, Ports } from "./ports.ts";
import type { Segment } from "./tenant/types.ts";

/** Objects that are read at once: of a file in thousands of parts each read may touch many. */
const READS_AT_ONCE = 8;

/**
 * What is read at once for one reader, and so the most that it holds: locally all that was asked for is read, however
 * slowly it is taken. A reader comes to large ranges only by taking many small ones, more than connections buffer.
 * 8 GiB are some 8,300 reads, of the 10,000 that one call may make.
 */
const FIRST_RANGE = 64 * 1024;
const MOST_RANGE = 1024 * 1024;
const TAKEN_FOR_EACH_READ = 32;

/** The store has not the bytes that the index says. */
export class LostObjectError extends Error {
  override name = "LostObjectError";
}

function cutShort({ key, total }: Piece, size: number): LostObjectError {
  return new LostObjectError(`the object ${key} has ${size} of its ${total} bytes`);
}

/** Bytes of a file, fewer where it ends; null when an object of it is gone. @throws LostObjectError when one is too short */
export async function readSegments(
  blobs: Blobs,
  segments: Segment[],
  offset: number,
  length: number,
): Promise<Uint8Array | null> {
  const pieces = [...cut(segments, offset, length)];
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let [at, next, whole] = [0, 0, true];
  const readOn = async () => {
    while (whole && next < pieces.length) {
      const piece = pieces[next++] as Piece;
      const to = at;
      at += piece.length;
      const found = await blobs.read(piece.key, piece.offset, piece.length);
      if (found === null) whole = false;
      else if (found.length < piece.length) throw cutShort(piece, piece.offset + found.length);
      else bytes.set(found, to);
    }
  };
  await Promise.all(Array.from({ length: Math.min(READS_AT_ONCE, pieces.length) }, readOn));
  return whole ? bytes : null;
}

/**
 * The bytes as a stream, read range by range as they are wanted; null when they are gone. The first range is opened
 * before: what fails then can still be said, later a stream can only break off.
 */
export async function streamSegments(
  { blobs, platform }: Pick<Ports, "blobs" | "platform">,
  segments: Segment[],
  offset: number,
  length: number,
): Promise<ReadableStream<Uint8Array> | null> {
  const pieces = ranges(segments, offset, length);
  const first = pieces.next();
  let next = first.done ? undefined : await open(blobs, first.value);
  if (next === null) return null;
  const { readable, writable } = platform.fixedLength(length);
  const copy = async () => {
    while (next) {
      await next.pipeTo(writable, { preventClose: true });
      const { value: piece } = pieces.next();
      next = piece && (await open(blobs, piece));
      if (next === null) throw new Error(`the object ${piece?.key} is gone`);
    }
    await writable.close();
  };
  copy().catch((error) => writable.abort(error).catch(() => undefined));
  return readable;
}

async function open(blobs: Blobs, piece: Piece): Promise<ReadableStream<Uint8Array> | null> {
  const { key, offset, length, total } = piece;
  const found = await blobs.open(key, offset, length);
  if (found !== null && found.size < total) {
    await found.body.cancel();
    throw cutShort(piece, found.size);
  }
  return found?.body ?? null;
}

interface Piece {
  key: string;
  offset: number;
  length: number;
  /** Size of the whole object. */
  total: number;
}

function* cut(segments: Segment[], offset: number, length: number): Generator<Piece, undefined> {
  let start = 0;
  for (const { key, bytes } of segments) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, start + bytes);
    if (to > from) yield { key, offset: from - start, length: to - from, total: bytes };
    start += bytes;
  }
}

function* ranges(segments: Segment[], offset: number, length: number): Generator<Piece, undefined> {
  let done = 0;
  for (const piece of cut(segments, offset, length)) {
    for (let at = 0; at < piece.length; ) {
      const most = Math.min(Math.max(FIRST_RANGE, done / TAKEN_FOR_EACH_READ), MOST_RANGE);
      const taken = Math.min(Math.floor(most), piece.length - at);
      yield { ...piece, offset: piece.offset + at, length: taken };
      at += taken;
      done += taken;
    }
  }
}
