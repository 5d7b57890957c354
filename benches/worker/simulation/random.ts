/** Chance from a seed: the same seed gives the same numbers, on every machine. */

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not with, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Whether what happens with this probability does. */
  happens(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  /** A time until something that happens once in `mean` on average, at any moment alike. */
  wait(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** As `crypto.getRandomValues`. */
  fill<T extends ArrayBufferView>(array: T): T {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.next() * 256;
    return array;
  }
}
