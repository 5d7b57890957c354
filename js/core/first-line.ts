/** What the first line of a batch file says of the whole file: the endpoint that it is for. */

import { defaults } from "./rules.ts";

/** What is assumed of a file whose first line names no endpoint. */
export const usualEndpoint = defaults.endpoints[0] as string;

/** A first line longer than this says nothing, unless the reader allows longer lines. */
const mostBytes = defaults.limits.maxLineBytes;

const newline = 0x0a;
/** White space of JSON, and the bytes of the byte order mark, which begin no line. */
const blank = new Set([0x20, 0x09, newline, 0x0d, 0xef, 0xbb, 0xbf]);

/** Takes the start of a file in pieces of any size until its first line is there. Every byte is looked at once. */
export class FirstLine {
  readonly #most: number;
  readonly #parts: Uint8Array[] = [];
  #size = 0;
  #seen = 0;
  #done = false;

  constructor(most = mostBytes) {
    this.#most = Math.max(most, mostBytes);
  }

  /** Takes the next piece, which stays the caller's. Says whether more is wanted. */
  push(piece: Uint8Array): boolean {
    if (this.#done) return false;
    let from = 0;
    if (this.#size === 0) while (from < piece.length && blank.has(piece[from] as number)) from++;
    const end = piece.indexOf(newline, from);
    const part = piece.slice(from, end < 0 ? piece.length : end);
    if (part.length > 0) this.#parts.push(part);
    this.#size += part.length;
    this.#seen += piece.length;
    this.#done = end >= 0 || this.#seen > this.#most;
    return !this.#done;
  }

  /** The url of the line, if it looks like one of an API: checking it is for others. */
  endpoint(): string {
    if (this.#size > this.#most) return usualEndpoint;
    try {
      const decoder = new TextDecoder();
      const text = this.#parts.map((part) => decoder.decode(part, { stream: true })).join("");
      const { url } = JSON.parse(text + decoder.decode()) as { url?: unknown };
      return isPath(url) ? url : usualEndpoint;
    } catch {
      // Validation says what is wrong with the line.
      return usualEndpoint;
    }
  }
}

/** A part is not empty: with a slash too many at its end a url would pass for that of another endpoint. */
function isPath(url: unknown): url is string {
  return typeof url === "string" && url.length <= 104 && /^\/v1(?:\/[\w.-]+)+$/.test(url);
}
