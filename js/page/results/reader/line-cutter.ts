/** Cuts a file that comes in pieces into lines. Nothing but the line at hand is held. */
import { concat } from "../../../core/bytes.ts";

/** Of a line that is longer, only the beginning is read: an answer with some large images is shorter. */
export const MOST_LINE = 64 << 20;

/** Takes a line without its line feed, whose bytes are good until it returns. */
type EachLine = (line: Uint8Array, offset: number) => void;

export class LineCutter {
  readonly #each: EachLine;
  #parts: Uint8Array[] = [];
  #kept = 0;
  /** Where the open line begins, and the next piece. */
  #start = 0;
  #at = 0;

  constructor(each: EachLine) {
    this.#each = each;
  }

  push(piece: Uint8Array): void {
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      this.#ends(piece.subarray(from, end));
      from = end + 1;
      this.#start = this.#at + from;
    }
    const rest = piece.slice(from, from + MOST_LINE - this.#kept);
    if (rest.length > 0) this.#parts.push(rest);
    this.#kept += rest.length;
    this.#at += piece.length;
  }

  /** The file is at its end. */
  finish(): void {
    if (this.#kept > 0) this.#ends(new Uint8Array());
  }

  #ends(last: Uint8Array): void {
    const line = this.#kept === 0 ? last : concat([...this.#parts, last]);
    this.#parts = [];
    this.#kept = 0;
    if (!isBlank(line)) this.#each(line, this.#start);
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 9 || byte === 13);
}
