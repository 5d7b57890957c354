/** The blocks of a Zstandard frame: literals, and the sequences that put them together with what came before. */

import { at, damaged } from "./source.ts";
import { BackwardBits } from "./zstd-bits.ts";
import { constant, type Literals, readLiterals, readStates, type States, statesOf } from "./zstd-tables.ts";

/** Most that a block may say. */
export const BLOCK_BYTES = 128 * 1024;
/** No window that is taken needs an offset of more bits. */
const MOST_OFFSET_BITS = 28;
const LEAST_MATCH = 3;

/** Extra bits of each code, and what it stands for without them. */
function codes(extra: number[], first: number): { bits: Uint8Array; base: Int32Array } {
  const base = new Int32Array(extra.length);
  let next = first;
  for (const [code, bits] of extra.entries()) {
    base[code] = next;
    next += 2 ** bits;
  }
  return { bits: Uint8Array.from(extra), base };
}

const none = (count: number) => Array.from({ length: count }, () => 0);
const LITERALS = codes([...none(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 0);
const MATCHES = codes(
  [...none(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  LEAST_MATCH,
);

/** How the codes of one kind are coded: what is usual, how finely they may be shared, and the last code. */
interface Kind {
  usual: States;
  accuracy: number;
  last: number;
}

const ones = (count: number) => Array.from({ length: count }, () => 1);
const rest = (count: number) => Array.from({ length: count }, () => -1);
const twos = (count: number) => Array.from({ length: count }, () => 2);
/** In the order in which they are described: of literals, of offsets, of matches. */
const KINDS: [Kind, Kind, Kind] = [
  {
    usual: statesOf([4, 3, ...twos(11), ...ones(3), ...twos(9), 3, 2, ...ones(5), ...rest(4)], 6),
    accuracy: 9,
    last: 35,
  },
  { usual: statesOf([...ones(6), ...twos(3), ...ones(15), ...rest(5)], 5), accuracy: 8, last: 31 },
  { usual: statesOf([1, 4, 3, ...twos(6), ...ones(37), ...rest(7)], 6), accuracy: 9, last: 52 },
];

/** What a frame says, block by block: each piece is valid until the next. */
export class Block {
  readonly #window: number;
  readonly #out: Uint8Array;
  /** Where the next byte goes. */
  #to = 0;
  readonly #literals = new Uint8Array(BLOCK_BYTES);
  #offsets: [number, number, number] = [1, 4, 8];
  #code: Literals | undefined;
  #states: (States | undefined)[] = [undefined, undefined, undefined];

  constructor(window: number, size: number | null) {
    this.#window = window;
    // The window moves once for each half of it that was said.
    const room = window + Math.max(window >> 1, BLOCK_BYTES);
    this.#out = new Uint8Array(Math.min(room, size ?? room) + BLOCK_BYTES);
  }

  raw(bytes: Uint8Array): Uint8Array {
    this.#makeRoom();
    this.#out.set(bytes, this.#to);
    return this.#said(bytes.length);
  }

  repeated(byte: number, size: number): Uint8Array {
    this.#makeRoom();
    this.#out.fill(byte, this.#to, this.#to + size);
    return this.#said(size);
  }

  /** @throws UnpackError */
  coded(bytes: Uint8Array): Uint8Array {
    this.#makeRoom();
    const { count: literals, end } = this.#readLiterals(bytes);
    let from = end;
    if (from >= bytes.length) throw damaged();
    let count = at(bytes, from++);
    if (count >= 128) {
      const more = count === 255 ? 2 : 1;
      if (from + more > bytes.length) throw damaged();
      count =
        count === 255
          ? at(bytes, from) + (at(bytes, from + 1) << 8) + 0x7f00
          : ((count - 128) << 8) + at(bytes, from);
      from += more;
    }
    if (count > 0) return this.#said(this.#sequences(bytes, from, count, literals));
    if (from !== bytes.length) throw damaged();
    this.#out.set(this.#literals.subarray(0, literals), this.#to);
    return this.#said(literals);
  }

  #makeRoom(): void {
    if (this.#to + BLOCK_BYTES <= this.#out.length) return;
    const kept = Math.min(this.#window, this.#to);
    this.#out.copyWithin(0, this.#to - kept, this.#to);
    this.#to = kept;
  }

  #said(size: number): Uint8Array {
    if (this.#to + size > this.#out.length) throw damaged();
    this.#to += size;
    return this.#out.subarray(this.#to - size, this.#to);
  }

  #readLiterals(bytes: Uint8Array): { count: number; end: number } {
    const byte = (index: number) => {
      if (index >= bytes.length) throw damaged();
      return at(bytes, index);
    };
    const first = byte(0);
    const [kind, form] = [first & 3, (first >> 2) & 3];
    if (kind < 2) {
      const head = form === 1 ? 2 : form === 3 ? 3 : 1;
      const count =
        head === 1 ? first >> 3 : (first >> 4) | (byte(1) << 4) | (head === 3 ? byte(2) << 12 : 0);
      const end = head + (kind === 0 ? count : 1);
      if (count > BLOCK_BYTES || end > bytes.length) throw damaged();
      if (kind === 0) this.#literals.set(bytes.subarray(head, end));
      else this.#literals.fill(byte(head), 0, count);
      return { count, end };
    }
    // Two numbers of 10, 14 or 18 bits.
    const head = form < 2 ? 3 : form + 2;
    const width = form < 2 ? 10 : 4 * form + 6;
    let all = 0;
    for (let index = head - 1; index >= 0; index--) all = all * 256 + byte(index);
    all = Math.floor(all / 16);
    const [count, packed] = [all % 2 ** width, Math.floor(all / 2 ** width)];
    const end = head + packed;
    if (count > BLOCK_BYTES || end > bytes.length) throw damaged();
    let from = head;
    if (kind === 2) [this.#code, from] = readLiterals(bytes.subarray(0, end), head);
    if (this.#code === undefined) throw damaged();
    if (form === 0) {
      stream(bytes.subarray(from, end), this.#literals.subarray(0, count), this.#code);
      return { count, end };
    }
    if (from + 6 > end) throw damaged();
    const quarter = (count + 3) >> 2;
    let begin = from + 6;
    for (let part = 0; part < 4; part++) {
      const index = from + 2 * part;
      const stop = part === 3 ? end : begin + (at(bytes, index) | (at(bytes, index + 1) << 8));
      const to = part === 3 ? count : quarter * (part + 1);
      if (stop > end || to > count) throw damaged();
      stream(bytes.subarray(begin, stop), this.#literals.subarray(quarter * part, to), this.#code);
      begin = stop;
    }
    return { count, end };
  }

  /** Puts the block together. Gives its size. */
  #sequences(bytes: Uint8Array, start: number, count: number, literals: number): number {
    let from = start + 1;
    if (from > bytes.length) throw damaged();
    const modes = at(bytes, start);
    if (modes & 3) throw damaged();
    const tables = KINDS.map((kind, which): States => {
      const mode = (modes >> (6 - 2 * which)) & 3;
      let states: States | undefined = kind.usual;
      if (mode === 1) {
        if (from >= bytes.length || at(bytes, from) > kind.last) throw damaged();
        states = constant(at(bytes, from++));
      } else if (mode === 2) [states, from] = readStates(bytes, from, kind.accuracy, kind.last);
      else if (mode === 3) states = this.#states[which];
      if (states === undefined) throw damaged();
      this.#states[which] = states;
      return states;
    });
    const [ofLiterals, ofOffsets, ofMatches] = tables as [States, States, States];
    const bits = new BackwardBits(bytes.subarray(from));
    let one = bits.take(ofLiterals.accuracy);
    let two = bits.take(ofOffsets.accuracy);
    let three = bits.take(ofMatches.accuracy);
    const out = this.#out;
    const most = Math.min(this.#to + BLOCK_BYTES, out.length);
    let [to, used] = [this.#to, 0];
    for (let left = count; left > 0; left--) {
      const offsetBits = at(ofOffsets.symbols, two);
      if (offsetBits > MOST_OFFSET_BITS) throw damaged();
      const value = 2 ** offsetBits + bits.takeLong(offsetBits);
      const matched = at(ofMatches.symbols, three);
      const match = at(MATCHES.base, matched) + bits.take(at(MATCHES.bits, matched));
      const copied = at(ofLiterals.symbols, one);
      const length = at(LITERALS.base, copied) + bits.take(at(LITERALS.bits, copied));
      if (left > 1) {
        one = at(ofLiterals.base, one) + bits.take(at(ofLiterals.bits, one));
        three = at(ofMatches.base, three) + bits.take(at(ofMatches.bits, three));
        two = at(ofOffsets.base, two) + bits.take(at(ofOffsets.bits, two));
      }
      if (bits.left < 0) throw damaged();
      const offset = this.#offset(value, length === 0);
      if (used + length > literals || to + length + match > most) throw damaged();
      for (const end = used + length; used < end; ) out[to++] = at(this.#literals, used++);
      if (offset > to) throw damaged();
      for (const end = to + match; to < end; to++) out[to] = at(out, to - offset);
    }
    if (bits.left !== 0 || to + literals - used > most) throw damaged();
    out.set(this.#literals.subarray(used, literals), to);
    return to + literals - used - this.#to;
  }

  /** How far back a match is: as it says, or as one of the last three was. */
  #offset(value: number, isAlone: boolean): number {
    const [one, two, three] = this.#offsets;
    if (value > 3) {
      this.#offsets = [value - 3, one, two];
      return value - 3;
    }
    const which = value - 1 + (isAlone ? 1 : 0);
    if (which === 0) return one;
    const offset = which === 1 ? two : which === 2 ? three : one - 1;
    if (offset === 0) throw damaged();
    this.#offsets = which === 1 ? [two, one, three] : [offset, one, two];
    return offset;
  }
}

function stream(bytes: Uint8Array, out: Uint8Array, { most, symbols, bits: sizes }: Literals): void {
  const bits = new BackwardBits(bytes);
  for (let index = 0; index < out.length; index++) {
    const next = bits.peek(most);
    out[index] = at(symbols, next);
    bits.left -= at(sizes, next);
  }
  if (bits.left !== 0) throw damaged();
}
