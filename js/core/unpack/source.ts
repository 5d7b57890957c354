/** Packed bytes as they come, of which a decoder takes as many as it needs next. */

import { concat } from "../bytes.ts";

/** Data that cannot be unpacked: the message says why, for people. */
export class UnpackError extends Error {
  override name = "UnpackError";
}

/** The byte at an index that is known to be within. */
export function at(bytes: Uint8Array | Uint16Array | Int32Array, index: number): number {
  return bytes[index] as number;
}

/** What is held is what a decoder asked for, and one chunk. */
export class Source {
  /** Bytes that have come and are not taken begin at `from`. Replaced by {@link has}. */
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  /** Whether all has come. */
  ended = false;
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Whether so many bytes are there, once they have come. */
  async has(count: number): Promise<boolean> {
    let there = this.bytes.length - this.from;
    if (there >= count) return true;
    const pieces = [this.bytes.subarray(this.from)];
    while (there < count && !this.ended) {
      const next = await this.#chunks.next();
      if (next.done) {
        this.ended = true;
      } else {
        // A copy, whoever owns the chunk.
        pieces.push(next.value.slice());
        there += next.value.length;
      }
    }
    this.bytes = concat(pieces);
    this.from = 0;
    return there >= count;
  }

  /** The next bytes. @throws UnpackError where there are fewer */
  async take(count: number): Promise<Uint8Array> {
    if (!(await this.has(count))) throw cutOff();
    this.from += count;
    return this.bytes.subarray(this.from - count, this.from);
  }

  /** Passes over bytes, however many. @throws UnpackError where there are fewer */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      if (!(await this.has(1))) throw cutOff();
      const passed = Math.min(left, this.bytes.length - this.from);
      this.from += passed;
      left -= passed;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

export function cutOff(): UnpackError {
  return new UnpackError("it is cut off");
}

export function damaged(): UnpackError {
  return new UnpackError("it is damaged");
}
