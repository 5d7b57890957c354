/** Strings in the order of their UTF-8 bytes, which is not JavaScript's order. */

/**
 * Compares two strings as their UTF-8 bytes compare. JavaScript's `<` compares UTF-16 units, where the
 * surrogates of "😀" sort before "\uFF5E" although its bytes sort after it.
 *
 * @returns a negative number, zero or a positive number
 */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return x < SURROGATES || y < SURROGATES ? x - y : rank(x) - rank(y);
  }
  return a.length - b.length;
}

const SURROGATES = 0xd800;

/** Moves the surrogates, which encode code points above 0xFFFF, after 0xE000 to 0xFFFF. */
function rank(unit: number): number {
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x0800;
}

/** The least string above every string that starts with `prefix`; undefined when there is none. */
export function keyPrefixEnd(prefix: string): string | undefined {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) as number;
    if (point === 0x10ffff) continue;
    return points.join("") + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return undefined;
}

const BLOCK = 512;

/**
 * A set of strings kept in byte order, as a list of short sorted blocks: adding, deleting and finding an index
 * touch one block, so a hundred thousand keys are no slower to add one by one than in order.
 */
export class SortedKeys {
  #blocks: string[][] = [];
  #size = 0;

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a key. Adding it twice does nothing. */
  add(key: string): void {
    const at = Math.max(this.#blockOf(key), 0);
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push([key]);
      this.#size = 1;
      return;
    }
    const i = lowerBound(block, key);
    if (block[i] === key) return;
    block.splice(i, 0, key);
    this.#size++;
    if (block.length > BLOCK) this.#blocks.splice(at + 1, 0, block.splice(splitAt(this.#blocks, at, i)));
  }

  /** Takes a key away. Nothing happens when it is not there. */
  delete(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    if (block === undefined) return;
    const i = lowerBound(block, key);
    if (block[i] !== key) return;
    block.splice(i, 1);
    this.#size--;
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** Keys from `start` (which need not be there) upwards; from the first one without it. */
  *ascending(start = ""): Generator<string, void> {
    let at = Math.max(this.#blockOf(start), 0);
    let i = lowerBound(this.#blocks[at] ?? [], start);
    for (; at < this.#blocks.length; at++, i = 0) {
      const block = this.#blocks[at] as string[];
      for (; i < block.length; i++) yield block[i] as string;
    }
  }

  /** Keys below `end` downwards; from the last one without it. */
  *descending(end?: string): Generator<string, void> {
    let at = end === undefined ? this.#blocks.length - 1 : this.#blockOf(end);
    let i = end === undefined ? undefined : lowerBound(this.#blocks[at] ?? [], end);
    for (; at >= 0; at--, i = undefined) {
      const block = this.#blocks[at] as string[];
      for (i = (i ?? block.length) - 1; i >= 0; i--) yield block[i] as string;
    }
  }

  /** The last block whose first key is not above `key`; -1 when there is none. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys((this.#blocks[middle] as string[])[0] as string, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Keys that come in order leave full blocks, others split the block. */
function splitAt(blocks: string[][], at: number, inserted: number): number {
  const length = (blocks[at] as string[]).length;
  return at === blocks.length - 1 && inserted === length - 1 ? length - 1 : length >>> 1;
}

/** The first index whose key is not below `key`. */
function lowerBound(block: string[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(block[middle] as string, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
