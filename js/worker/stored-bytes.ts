/** Bytes of a file that lies in one or more R2 objects. */

import { type R2BucketLike, readObject } from "../hosts/r2.ts";
import type { Segment } from "./file-index.ts";

/** Bytes of a file, fewer where it ends; null when an object of it is gone. */
export async function readSegments(
  bucket: R2BucketLike,
  segments: Segment[],
  offset: number,
  length: number,
): Promise<Uint8Array | null> {
  const pieces = cut(segments, offset, length);
  const [only] = pieces;
  if (pieces.length === 1 && only) return readObject(bucket, only.key, only.offset, only.length);
  const parts = await Promise.all(
    pieces.map((piece) => readObject(bucket, piece.key, piece.offset, piece.length)),
  );
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let at = 0;
  for (const part of parts) {
    if (part === null) return null;
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * The bytes as a stream, read as they are wanted; null when they are gone. The first object is opened before: what fails
 * then can still be said, later a stream can only break off.
 */
export async function streamSegments(
  bucket: R2BucketLike,
  segments: Segment[],
  offset: number,
  length: number,
): Promise<ReadableStream<Uint8Array> | null> {
  const pieces = cut(segments, offset, length);
  const open = ({ key, offset, length }: Piece) => bucket.get(key, { range: { offset, length } });
  let next = pieces[0] && (await open(pieces[0]));
  if (next === null) return null;
  const { readable, writable } = new FixedLengthStream(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const copy = async () => {
    for (const piece of pieces) {
      next ??= await open(piece);
      if (next === null) throw new Error(`the object ${piece.key} is gone`);
      await next.body.pipeTo(writable, { preventClose: true });
      next = undefined;
    }
    await writable.close();
  };
  copy().catch((error) => writable.abort(error).catch(() => undefined));
  return readable;
}

interface Piece {
  key: string;
  offset: number;
  length: number;
}

function cut(segments: Segment[], offset: number, length: number): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  for (const { key, bytes } of segments) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, start + bytes);
    if (to > from) pieces.push({ key, offset: from - start, length: to - from });
    start += bytes;
  }
  return pieces;
}
