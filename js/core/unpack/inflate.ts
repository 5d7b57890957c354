/** DEFLATE (RFC 1951), as it comes: what is held is its window, and one piece of what it says. */

import { at, cutOff, damaged, type Source } from "./source.ts";

const WINDOW_BYTES = 32 * 1024;
const OUT_BYTES = WINDOW_BYTES + 64 * 1024;
const MOST_MATCH = 258;
/** What one symbol may take, and what is read beside it. */
const SYMBOL_BYTES = 10;
/** What the header of a block may take. */
const HEADER_BYTES = 640;
const END_OF_BLOCK = 256;

/** Extra bits of each code, and what it stands for without them. */
function codes(extra: number[], first: number): { bits: Uint8Array; base: Uint16Array } {
  const base = new Uint16Array(extra.length);
  let next = first;
  for (const [code, bits] of extra.entries()) {
    base[code] = next;
    next += 1 << bits;
  }
  return { bits: Uint8Array.from(extra), base };
}

const lengths = codes(
  [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
  3,
);
// The last is a code of its own, and not one more than the one before.
lengths.base[28] = MOST_MATCH;
const distances = codes(
  Array.from({ length: 30 }, (_, code) => Math.max((code >> 1) - 1, 0)),
  1,
);
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A code by the bits that come next: the symbol, and in the lowest four bits how many bits it takes. */
interface Table {
  entries: Uint16Array;
  mask: number;
}

const fixed = {
  literals: tableOf(
    Uint8Array.from({ length: 288 }, (_, n) => (n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8)),
  ),
  distances: tableOf(new Uint8Array(32).fill(5)),
};

/** @throws UnpackError for lengths that make no code */
function tableOf(sizes: Uint8Array, mayLack = false): Table {
  const counts = new Uint16Array(16);
  for (const size of sizes) counts[size] = at(counts, size) + 1;
  counts[0] = 0;
  let most = 15;
  while (most > 0 && counts[most] === 0) most--;
  const next = new Uint16Array(17);
  let left = 1;
  for (let size = 1; size <= 15; size++) {
    left = (left << 1) - at(counts, size);
    if (left < 0) throw damaged();
    next[size + 1] = (at(next, size) + at(counts, size)) << 1;
  }
  // A single code may do without its other half, and there may be no distances at all.
  if (left > 0 && !(mayLack && most <= 1)) throw damaged();
  const entries = new Uint16Array(1 << most);
  for (let symbol = 0; symbol < sizes.length; symbol++) {
    const size = at(sizes, symbol);
    if (size === 0) continue;
    const code = at(next, size);
    next[size] = code + 1;
    let reversed = 0;
    for (let bit = 0; bit < size; bit++) reversed |= ((code >> bit) & 1) << (size - 1 - bit);
    for (let index = reversed; index < entries.length; index += 1 << size)
      entries[index] = (symbol << 4) | size;
  }
  return { entries, mask: entries.length - 1 };
}

class Inflater {
  readonly #source: Source;
  readonly #out = new Uint8Array(OUT_BYTES);
  /** Where the next byte goes, and where what was not given out begins. */
  #to = 0;
  #given = 0;
  /** The next bit, within the byte that the source stands at. */
  #bit = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** All of it, each piece valid until the next is asked for. The source is left at the byte after it. */
  async *all(): AsyncGenerator<Uint8Array> {
    for (let last = false; !last; ) {
      await this.#source.has(HEADER_BYTES);
      last = this.#bits(1) === 1;
      const kind = this.#bits(2);
      if (kind === 0) yield* this.#stored();
      else if (kind === 1) yield* this.#coded(fixed.literals, fixed.distances);
      else if (kind === 2) {
        const { literals, distances } = this.#tables();
        yield* this.#coded(literals, distances);
      } else throw damaged();
    }
    this.#align();
    if (this.#to > this.#given) yield this.#out.subarray(this.#given, this.#to);
  }

  /** The next few bits, of which so many bytes are there. */
  #bits(count: number): number {
    const { bytes, from } = this.#source;
    let value = 0;
    for (let bit = 0; bit < count; bit++) {
      const index = from + ((this.#bit + bit) >> 3);
      if (index >= bytes.length) throw cutOff();
      value |= ((at(bytes, index) >> ((this.#bit + bit) & 7)) & 1) << bit;
    }
    this.#bit += count;
    this.#source.from += this.#bit >> 3;
    this.#bit &= 7;
    return value;
  }

  #align(): void {
    if (this.#bit > 0) this.#source.from += 1;
    this.#bit = 0;
  }

  *#full(): Generator<Uint8Array> {
    if (this.#to <= OUT_BYTES - MOST_MATCH) return;
    yield this.#out.subarray(this.#given, this.#to);
    this.#out.copyWithin(0, this.#to - WINDOW_BYTES, this.#to);
    this.#to = WINDOW_BYTES;
    this.#given = WINDOW_BYTES;
  }

  async *#stored(): AsyncGenerator<Uint8Array> {
    this.#align();
    const source = this.#source;
    const head = await source.take(4);
    const size = at(head, 0) | (at(head, 1) << 8);
    if ((size ^ (at(head, 2) | (at(head, 3) << 8))) !== 0xffff) throw damaged();
    for (let left = size; left > 0; ) {
      if (!(await source.has(1))) throw cutOff();
      const length = Math.min(left, source.bytes.length - source.from, OUT_BYTES - this.#to);
      this.#out.set(source.bytes.subarray(source.from, source.from + length), this.#to);
      source.from += length;
      this.#to += length;
      left -= length;
      yield* this.#full();
    }
  }

  #tables(): { literals: Table; distances: Table } {
    const [literals, distances, most] = [this.#bits(5) + 257, this.#bits(5) + 1, this.#bits(4) + 4];
    if (literals > 286 || distances > 30) throw damaged();
    const own = new Uint8Array(19);
    for (const index of LENGTHS_ORDER.slice(0, most)) own[index] = this.#bits(3);
    const table = tableOf(own);
    const sizes = new Uint8Array(literals + distances);
    for (let index = 0; index < sizes.length; ) {
      const symbol = this.#symbol(table);
      if (symbol < 16) {
        sizes[index++] = symbol;
        continue;
      }
      if (symbol === 16 && index === 0) throw damaged();
      const size = symbol === 16 ? at(sizes, index - 1) : 0;
      const times =
        symbol === 16 ? 3 + this.#bits(2) : symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7);
      if (index + times > sizes.length) throw damaged();
      sizes.fill(size, index, index + times);
      index += times;
    }
    if (sizes[END_OF_BLOCK] === 0) throw damaged();
    return {
      literals: tableOf(sizes.subarray(0, literals), true),
      distances: tableOf(sizes.subarray(literals), true),
    };
  }

  /** Bit by bit, as few are read so. */
  #symbol({ entries }: Table): number {
    let [code, size] = [0, 0];
    for (;;) {
      code |= this.#bits(1) << size++;
      const entry = at(entries, code);
      if ((entry & 15) === size) return entry >> 4;
      if (1 << size >= entries.length) throw damaged();
    }
  }

  async *#coded(literals: Table, far: Table): AsyncGenerator<Uint8Array> {
    const source = this.#source;
    for (;;) {
      await source.has(SYMBOL_BYTES);
      const ended = this.#run(literals, far);
      yield* this.#full();
      if (ended) return;
    }
  }

  /** Whether the block ended; or else what is there has to be given out, or more has to come. */
  #run(literals: Table, far: Table): boolean {
    const source = this.#source;
    // Where all has come, what is read beside the last symbol is nothing.
    const end = source.bytes.length;
    const bytes = source.ended ? padded(source.bytes, source.from) : source.bytes;
    const start = source.ended ? 0 : source.from;
    const shift = source.ended ? source.from : 0;
    const last = (end - shift) * 8;
    const most = source.ended ? last : last - SYMBOL_BYTES * 8;
    const out = this.#out;
    let to = this.#to;
    let bit = start * 8 + this.#bit;
    let ended = false;
    while (!ended && to <= OUT_BYTES - MOST_MATCH && (bit <= most || bit < start * 8 + 8)) {
      let index = bit >> 3;
      const next =
        (at(bytes, index) | (at(bytes, index + 1) << 8) | (at(bytes, index + 2) << 16)) >>> (bit & 7);
      const entry = at(literals.entries, next & literals.mask);
      const symbol = entry >> 4;
      if ((entry & 15) === 0) throw bit + 15 > last ? cutOff() : damaged();
      bit += entry & 15;
      if (symbol < END_OF_BLOCK) {
        out[to++] = symbol;
      } else if (symbol === END_OF_BLOCK) {
        ended = true;
      } else {
        const code = symbol - 257;
        if (code > 28) throw damaged();
        let extra = at(lengths.bits, code);
        index = bit >> 3;
        let more = (at(bytes, index) | (at(bytes, index + 1) << 8)) >>> (bit & 7);
        const length = at(lengths.base, code) + (more & ((1 << extra) - 1));
        bit += extra;
        index = bit >> 3;
        more = (at(bytes, index) | (at(bytes, index + 1) << 8) | (at(bytes, index + 2) << 16)) >>> (bit & 7);
        const back = at(far.entries, more & far.mask);
        const which = back >> 4;
        if ((back & 15) === 0 || which > 29) throw bit + 15 > last ? cutOff() : damaged();
        bit += back & 15;
        extra = at(distances.bits, which);
        index = bit >> 3;
        more = (at(bytes, index) | (at(bytes, index + 1) << 8) | (at(bytes, index + 2) << 16)) >>> (bit & 7);
        const distance = at(distances.base, which) + (more & ((1 << extra) - 1));
        bit += extra;
        if (distance > to) throw bit > last ? cutOff() : damaged();
        for (const copied = to + length; to < copied; to++) out[to] = at(out, to - distance);
      }
      if (bit > last) throw cutOff();
    }
    this.#to = to;
    source.from = shift + (bit >> 3);
    this.#bit = bit & 7;
    return ended;
  }
}

function padded(bytes: Uint8Array, from: number): Uint8Array {
  const all = new Uint8Array(bytes.length - from + 16);
  all.set(bytes.subarray(from));
  return all;
}

/** What the source holds from here on, each piece valid until the next is asked for. @throws UnpackError */
export function inflate(source: Source): AsyncGenerator<Uint8Array> {
  return new Inflater(source).all();
}
