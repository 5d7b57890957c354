/** Zstandard's two kinds of codes, as tables to look up: finite state entropy, and Huffman's for literals. */

import { at, damaged } from "./source.ts";
import { BackwardBits } from "./zstd-bits.ts";

/** What each state stands for, and how the next follows from the bits that come. */
export interface States {
  accuracy: number;
  symbols: Uint8Array;
  bits: Uint8Array;
  base: Uint16Array;
}

/** A Huffman code by the bits that come next. */
export interface Literals {
  most: number;
  symbols: Uint8Array;
  bits: Uint8Array;
}

const MOST_LITERAL_BITS = 11;

/** States of these shares, of which -1 is less than one. @throws UnpackError */
export function statesOf(shares: ArrayLike<number>, accuracy: number): States {
  const size = 1 << accuracy;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(shares.length);
  let high = size;
  for (let symbol = 0; symbol < shares.length; symbol++) {
    const share = shares[symbol] as number;
    next[symbol] = Math.abs(share);
    if (share === -1) symbols[--high] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let place = 0;
  for (let symbol = 0; symbol < shares.length; symbol++) {
    for (let left = shares[symbol] as number; left > 0; left--) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place >= high);
    }
  }
  if (place !== 0) throw damaged();
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = at(symbols, state);
    const order = at(next, symbol);
    next[symbol] = order + 1;
    const count = accuracy - (31 - Math.clz32(order));
    bits[state] = count;
    base[state] = (order << count) - size;
  }
  return { accuracy, symbols, bits, base };
}

/** States that stand for one symbol alone. */
export function constant(symbol: number): States {
  const [symbols, bits, base] = [Uint8Array.of(symbol), Uint8Array.of(0), Uint16Array.of(0)];
  return { accuracy: 0, symbols, bits, base };
}

/** States as they are described from an index on, and the index after that. @throws UnpackError */
export function readStates(
  bytes: Uint8Array,
  start: number,
  mostAccuracy: number,
  mostSymbol: number,
): [States, number] {
  let bit = start * 8;
  const take = (count: number) => {
    let value = 0;
    for (let next = 0; next < count; next++, bit++) {
      if (bit >> 3 >= bytes.length) throw damaged();
      value |= ((at(bytes, bit >> 3) >> (bit & 7)) & 1) << next;
    }
    return value;
  };
  const accuracy = take(4) + 5;
  if (accuracy > mostAccuracy) throw damaged();
  const shares: number[] = [];
  for (let left = 1 << accuracy; left > 0; ) {
    const count = 31 - Math.clz32(left + 1);
    const few = 2 ** (count + 1) - 1 - (left + 1);
    let value = take(count);
    if (value >= few) {
      if (take(1) === 1) value += 1 << count;
      if (value >= 1 << count) value -= few;
    }
    const share = value - 1;
    shares.push(share);
    left -= Math.abs(share);
    for (let more = share === 0 ? 3 : 0; more === 3; ) {
      more = take(2);
      for (let zero = 0; zero < more; zero++) shares.push(0);
    }
    if (left < 0 || shares.length > mostSymbol + 1) throw damaged();
  }
  return [statesOf(shares, accuracy), (bit + 7) >> 3];
}

/** A Huffman code as it is described from an index on, and the index after that. @throws UnpackError */
export function readLiterals(bytes: Uint8Array, start: number): [Literals, number] {
  if (start >= bytes.length) throw damaged();
  const head = at(bytes, start);
  const end = start + 1 + (head < 128 ? head : (head - 126) >> 1);
  if (end > bytes.length) throw damaged();
  const weights =
    head < 128
      ? packedWeights(bytes.subarray(start + 1, end))
      : Array.from({ length: head - 127 }, (_, index) => {
          const pair = at(bytes, start + 1 + (index >> 1));
          return index & 1 ? pair & 15 : pair >> 4;
        });
  return [literalsOf(weights), end];
}

function packedWeights(bytes: Uint8Array): number[] {
  const [states, from] = readStates(bytes, 0, 6, 255);
  const bits = new BackwardBits(bytes.subarray(from));
  const weights: number[] = [];
  let [one, other] = [bits.take(states.accuracy), bits.take(states.accuracy)];
  if (bits.left < 0) throw damaged();
  // Two in turn; the one that runs out of bits leaves the other's last symbol.
  for (;;) {
    weights.push(at(states.symbols, one));
    one = at(states.base, one) + bits.take(at(states.bits, one));
    if (bits.left < 0) {
      weights.push(at(states.symbols, other));
      break;
    }
    [one, other] = [other, one];
    if (weights.length > 255) throw damaged();
  }
  return weights;
}

/** The weight of the last symbol follows from the others. */
function literalsOf(weights: number[]): Literals {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MOST_LITERAL_BITS) throw damaged();
    if (weight > 0) sum += 1 << (weight - 1);
  }
  const most = 32 - Math.clz32(sum);
  const size = 1 << most;
  const left = size - sum;
  if (sum === 0 || most > MOST_LITERAL_BITS || (left & (left - 1)) !== 0 || weights.length > 255)
    throw damaged();
  const all = [...weights, 32 - Math.clz32(left)];
  const symbols = new Uint8Array(size);
  const bits = new Uint8Array(size);
  let place = 0;
  for (let weight = 1; weight <= most; weight++) {
    for (const [symbol, own] of all.entries()) {
      if (own !== weight) continue;
      const end = place + (1 << (weight - 1));
      symbols.fill(symbol, place, end);
      bits.fill(most + 1 - weight, place, end);
      place = end;
    }
  }
  return { most, symbols, bits };
}
