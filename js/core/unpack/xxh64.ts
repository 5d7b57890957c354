/** XXH64, of which zstd keeps the lower half: in halves of 32 bits, as there is no faster 64-bit arithmetic. */

import { at } from "./source.ts";

const P1 = [0x85ebca87, 0x9e3779b1] as const;
const P2 = [0x27d4eb4f, 0xc2b2ae3d] as const;
const P3 = [0x9e3779f9, 0x165667b1] as const;
const P4 = [0xc2b2ae63, 0x85ebca77] as const;
const P5 = [0x165667c5, 0x27d4eb2f] as const;
const STRIPE = 32;
type Prime = typeof P1 | typeof P2 | typeof P3 | typeof P4 | typeof P5;

/** One number of 64 bits that is changed in place. */
class Wide {
  high = 0;
  low = 0;

  add(high: number, low: number): void {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.low = sum | 0;
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) | 0;
  }

  xor(high: number, low: number): void {
    this.high ^= high;
    this.low ^= low;
  }

  multiply([low, high]: Prime): void {
    const own = this.low >>> 0;
    const [a0, a1, b0, b1] = [own & 0xffff, own >>> 16, low & 0xffff, low >>> 16];
    const middle = a1 * b0 + ((a0 * b0) >>> 16);
    const other = a0 * b1 + (middle & 0xffff);
    const carry = a1 * b1 + Math.floor(middle / 65536) + Math.floor(other / 65536);
    this.high = (carry + Math.imul(this.high, low) + Math.imul(own, high)) | 0;
    this.low = Math.imul(own, low);
  }

  rotate(by: number): void {
    const { high, low } = this;
    this.high = (high << by) | (low >>> (32 - by));
    this.low = (low << by) | (high >>> (32 - by));
  }

  /** Mixes in 8 bytes. */
  round(high: number, low: number): void {
    const input = wide(high, low);
    input.multiply(P2);
    this.add(input.high, input.low);
    this.rotate(31);
    this.multiply(P1);
  }
}

function wide(high: number, low: number): Wide {
  const made = new Wide();
  made.add(high, low);
  return made;
}

/** A sum over bytes that come in pieces. */
export class Xxh64 {
  readonly #lanes = [
    wide(P1[1] + P2[1], P1[0] + P2[0]),
    wide(P2[1], P2[0]),
    wide(0, 0),
    wide(~P1[1], -P1[0]),
  ] as const;
  readonly #left = new Uint8Array(STRIPE);
  #held = 0;
  #total = 0;

  update(bytes: Uint8Array): void {
    this.#total += bytes.length;
    let from = 0;
    if (this.#held > 0) {
      from = Math.min(STRIPE - this.#held, bytes.length);
      this.#left.set(bytes.subarray(0, from), this.#held);
      this.#held += from;
      if (this.#held < STRIPE) return;
      this.#stripes(this.#left, 0);
    }
    from = this.#stripes(bytes, from);
    this.#left.set(bytes.subarray(from));
    this.#held = bytes.length - from;
  }

  /** The lower 32 bits of the sum. */
  low(): number {
    const [a, b, c, d] = this.#lanes;
    const sum = wide(P5[1], P5[0]);
    if (this.#total >= STRIPE) {
      sum.high = 0;
      sum.low = 0;
      for (const [lane, by] of [
        [a, 1],
        [b, 7],
        [c, 12],
        [d, 18],
      ] as const) {
        const turned = wide(lane.high, lane.low);
        turned.rotate(by);
        sum.add(turned.high, turned.low);
      }
      for (const lane of this.#lanes) {
        const mixed = new Wide();
        mixed.round(lane.high, lane.low);
        sum.xor(mixed.high, mixed.low);
        sum.multiply(P1);
        sum.add(P4[1], P4[0]);
      }
    }
    sum.add(Math.floor(this.#total / 2 ** 32), this.#total | 0);
    this.#tail(sum);
    shifted(sum, 33);
    sum.multiply(P2);
    shifted(sum, 29);
    sum.multiply(P3);
    shifted(sum, 32);
    return sum.low >>> 0;
  }

  /** Whole stripes from an index on. Gives the index after them. */
  #stripes(bytes: Uint8Array, start: number): number {
    const end = start + STRIPE * Math.floor((bytes.length - start) / STRIPE);
    for (const [index, lane] of this.#lanes.entries()) mixed(lane, bytes, start + 8 * index, end);
    return end;
  }

  #tail(sum: Wide): void {
    const left = this.#left.subarray(0, this.#held);
    let index = 0;
    for (; index + 8 <= left.length; index += 8) {
      const mixed = new Wide();
      mixed.round(word(left, index + 4), word(left, index));
      sum.xor(mixed.high, mixed.low);
      sum.rotate(27);
      sum.multiply(P1);
      sum.add(P4[1], P4[0]);
    }
    if (index + 4 <= left.length) {
      const mixed = wide(0, word(left, index));
      mixed.multiply(P1);
      sum.xor(mixed.high, mixed.low);
      sum.rotate(23);
      sum.multiply(P2);
      sum.add(P3[1], P3[0]);
      index += 4;
    }
    for (; index < left.length; index++) {
      const mixed = wide(0, at(left, index));
      mixed.multiply(P5);
      sum.xor(mixed.high, mixed.low);
      sum.rotate(11);
      sum.multiply(P1);
    }
  }
}

/** Mixes 8 bytes of each stripe into a lane: as `round`, with all of it in registers. */
function mixed(lane: Wide, bytes: Uint8Array, start: number, end: number): void {
  const [low1, high1] = P1;
  const [low2, high2] = P2;
  const [p0, p1, q0, q1] = [low1 & 0xffff, low1 >>> 16, low2 & 0xffff, low2 >>> 16];
  let { high, low } = lane;
  for (let from = start; from < end; from += STRIPE) {
    const a0 = at(bytes, from) | (at(bytes, from + 1) << 8);
    const a1 = at(bytes, from + 2) | (at(bytes, from + 3) << 8);
    const own = a0 | (a1 << 16);
    let middle = a1 * q0 + ((a0 * q0) >>> 16);
    let carry = a1 * q1 + Math.floor(middle / 65536) + Math.floor((a0 * q1 + (middle & 0xffff)) / 65536);
    const sum = (low >>> 0) + (Math.imul(own, low2) >>> 0);
    high =
      (high +
        (carry | 0) +
        Math.imul(word(bytes, from + 4), low2) +
        Math.imul(own, high2) +
        (sum > 0xffffffff ? 1 : 0)) |
      0;
    low = sum | 0;
    const turned = (high << 31) | (low >>> 1);
    low = (low << 31) | (high >>> 1);
    high = turned;
    const b0 = low & 0xffff;
    const b1 = low >>> 16;
    middle = b1 * p0 + ((b0 * p0) >>> 16);
    carry = b1 * p1 + Math.floor(middle / 65536) + Math.floor((b0 * p1 + (middle & 0xffff)) / 65536);
    high = ((carry | 0) + Math.imul(high, low1) + Math.imul(low, high1)) | 0;
    low = Math.imul(low, low1);
  }
  lane.high = high;
  lane.low = low;
}

/** The number mixed with itself, shifted right by 29 or more. */
function shifted(sum: Wide, by: number): void {
  if (by >= 32) sum.xor(0, sum.high >>> (by - 32));
  else sum.xor(sum.high >>> by, (sum.low >>> by) | (sum.high << (32 - by)));
}

function word(bytes: Uint8Array, index: number): number {
  return (
    at(bytes, index) |
    (at(bytes, index + 1) << 8) |
    (at(bytes, index + 2) << 16) |
    (at(bytes, index + 3) << 24)
  );
}
