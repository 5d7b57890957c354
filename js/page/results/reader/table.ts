/**
 * What is known of each row: in columns of numbers, so that a million rows take some 35 MB whatever their ids and answers
 * are. Ids are known by 64 bits of a hash that is another one each time.
 */
import { kind } from "../protocol.ts";

const FIRST_ROWS = 4096;
const NONE = -1;

export class ResultTable {
  count = 0;
  /** How many rows are of each kind. */
  readonly kindCounts: number[] = [0, 0, 0, 0];
  /** Where the row's own line is: its result, or its request where there is none. */
  places = new Float64Array(FIRST_ROWS);
  /** Where its request is; -1 where that is not known. */
  requests = new Float64Array(0);
  kinds = new Uint16Array(FIRST_ROWS);
  #low = new Uint32Array(FIRST_ROWS);
  #high = new Uint32Array(FIRST_ROWS);
  /** The rows by hash, each plus one; 0 is free. At most half are used. */
  #slots = new Uint32Array(2 * FIRST_ROWS);
  readonly #seed = crypto.getRandomValues(new Uint32Array(2));
  /** The hash of the id that was asked for last. */
  #hash: [low: number, high: number] = [0, 0];

  /** Adds a row without an id. */
  add(place: number, of: number): number {
    const row = this.count++;
    if (row === this.places.length) this.#grow();
    this.places[row] = place;
    this.kinds[row] = of;
    this.kindCounts[of] = (this.kindCounts[of] ?? 0) + 1;
    return row;
  }

  /** The row of an id; -1 when there is none. */
  find(id: string): number {
    return (this.#slots[this.#slotOf(id)] as number) - 1;
  }

  /** From now on the id finds this row. */
  name(row: number, id: string): void {
    const slot = this.#slotOf(id);
    [this.#low[row], this.#high[row]] = this.#hash;
    this.#slots[slot] = row + 1;
  }

  become(row: number, of: number): void {
    const before = this.kinds[row] as number;
    this.kindCounts[before] = (this.kindCounts[before] as number) - 1;
    this.kindCounts[of] = (this.kindCounts[of] ?? 0) + 1;
    this.kinds[row] = of;
  }

  /** A request without a result has one now. */
  fulfil(row: number, place: number, of: number): void {
    this.places[row] = place;
    this.become(row, of);
  }

  /** Room for the requests: an input is about to be joined. */
  expectRequests(): void {
    this.requests = new Float64Array(this.places.length).fill(NONE);
  }

  /** Takes the place of the request of an id. A row of its own stands for one without a result. */
  join(id: string, place: number): void {
    let row = this.find(id);
    if (row < 0) {
      row = this.add(place, kind.missing);
      this.name(row, id);
    }
    // Of requests with one id the first counts.
    if (this.requests[row] === NONE) this.requests[row] = place;
  }

  #grow(): void {
    const rows = 2 * this.places.length;
    const larger = <T extends Float64Array | Uint16Array | Uint32Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    this.places = larger(this.places, new Float64Array(rows));
    if (this.requests.length > 0)
      this.requests = larger(this.requests, new Float64Array(rows).fill(NONE, this.requests.length));
    this.kinds = larger(this.kinds, new Uint16Array(rows));
    const named = this.#slots;
    this.#low = larger(this.#low, new Uint32Array(rows));
    this.#high = larger(this.#high, new Uint32Array(rows));
    this.#slots = new Uint32Array(2 * rows);
    for (const row of named) {
      if (row === 0) continue;
      this.#slots[this.#probe(this.#low[row - 1] as number, this.#high[row - 1] as number)] = row;
    }
  }

  #slotOf(id: string): number {
    let [low = 0, high = 0] = this.#seed;
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x9e3779b1);
      high = Math.imul(high ^ unit, 0x5f356495);
    }
    low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
    high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
    this.#hash = [low >>> 0, high >>> 0];
    return this.#probe(low >>> 0, high >>> 0);
  }

  /** The slot of a hash, or a free one where it would be. */
  #probe(low: number, high: number): number {
    const last = this.#slots.length - 1;
    for (let slot = low & last; ; slot = (slot + 1) & last) {
      const row = (this.#slots[slot] as number) - 1;
      if (row < 0 || (this.#low[row] === low && this.#high[row] === high)) return slot;
    }
  }
}
