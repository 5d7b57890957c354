/** The body of a call, of which the beginning may be looked at before it is read. */

import { concat } from "../core/bytes.ts";

export class Incoming {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #most: number;
  readonly #tooLarge: () => Error;
  /** What was looked at, and is still to be read. */
  #ahead: Uint8Array[] = [];
  #came = 0;
  #ended: boolean;

  /** `tooLarge` makes what is thrown at more than `most` bytes. */
  constructor(body: ReadableStream<Uint8Array> | null, most: number, tooLarge: () => Error) {
    this.#reader = body?.getReader();
    this.#ended = body === null;
    this.#most = most;
    this.#tooLarge = tooLarge;
  }

  /** Bytes that have come. */
  get came(): number {
    return this.#came;
  }

  /** Whether all has come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Waits for more, which is to be read later; undefined at the end. */
  async look(): Promise<Uint8Array | undefined> {
    const next = this.#ended ? undefined : await this.#reader?.read();
    if (next === undefined || next.done) {
      this.#ended = true;
      return undefined;
    }
    this.#came += next.value.length;
    if (this.#came > this.#most) throw this.#tooLarge();
    this.#ahead.push(next.value);
    return next.value;
  }

  /** The next bytes, fewer than asked for only where the body ends. */
  async read(length: number): Promise<Uint8Array> {
    const taken: Uint8Array[] = [];
    for (let left = length; left > 0; ) {
      const piece = this.#ahead.shift() ?? ((await this.look()) && this.#ahead.shift());
      if (piece === undefined) break;
      taken.push(piece.subarray(0, left));
      if (piece.length > left) this.#ahead.unshift(piece.subarray(left));
      left -= Math.min(piece.length, left);
    }
    return taken.length === 1 ? (taken[0] as Uint8Array) : concat(taken);
  }

  /** Reads to the end, and keeps nothing. */
  async skip(): Promise<void> {
    do this.#ahead = [];
    while (await this.look());
  }

  /** Nothing more is wanted here. The stream is not cancelled: whoever answers may have to read on for the answer to arrive. */
  release(): void {
    this.#ahead = [];
    this.#reader?.releaseLock();
  }
}
