/** Bits of Zstandard's that are read from their end to their beginning. */

import { at, damaged } from "./source.ts";

export class BackwardBits {
  /** Bits that are left; fewer than none where more were read than there are. */
  left: number;
  readonly #bytes: Uint8Array;

  /** @throws UnpackError where the mark is missing that says where they end */
  constructor(bytes: Uint8Array) {
    const last = bytes.length === 0 ? 0 : at(bytes, bytes.length - 1);
    if (last === 0) throw damaged();
    this.#bytes = bytes;
    this.left = (bytes.length - 1) * 8 + 31 - Math.clz32(last);
  }

  /** Up to 24 bits, without taking them. What is before the beginning is zero. */
  peek(count: number): number {
    const from = this.left - count;
    if (from < 0) return this.left <= 0 ? 0 : (this.#at(0) & ((1 << this.left) - 1)) << -from;
    return (this.#at(from >> 3) >>> (from & 7)) & ((1 << count) - 1);
  }

  take(count: number): number {
    const value = this.peek(count);
    this.left -= count;
    return value;
  }

  /** Up to 32 bits. */
  takeLong(count: number): number {
    if (count <= 24) return this.take(count);
    const high = this.take(count - 16);
    return high * 65_536 + this.take(16);
  }

  #at(index: number): number {
    const bytes = this.#bytes;
    if (index + 3 < bytes.length)
      return (
        at(bytes, index) |
        (at(bytes, index + 1) << 8) |
        (at(bytes, index + 2) << 16) |
        (at(bytes, index + 3) << 24)
      );
    let value = 0;
    for (let next = Math.min(bytes.length, index + 4) - 1; next >= index; next--)
      value = (value << 8) | at(bytes, next);
    return value;
  }
}
