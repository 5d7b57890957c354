/** What the first line of a batch file says of the whole file: the endpoint that it is for. */

import { defaults } from "./rules.ts";

/** What is assumed of a file whose first line names no endpoint. */
export const usualEndpoint = defaults.endpoints[0] as string;

const newline = 0x0a;
/** White space of JSON, and the bytes of the byte order mark, which begin no line. */
const blank = new Set([0x20, 0x09, newline, 0x0d, 0xef, 0xbb, 0xbf]);
/** What every request begins with. */
const brace = 0x7b;

/** Takes the start of a file in pieces of any size until its first line is there. Every byte is looked at once. */
export class FirstLine {
  readonly #most: number;
  #parts: Uint8Array[] = [];
  #size = 0;
  #seen = 0;
  #state: "open" | "whole" | "too long" = "open";

  /** A line of more bytes than `most`, or with more blank bytes before it, says nothing. */
  constructor(most = defaults.limits.maxLineBytes) {
    this.#most = most;
  }

  /** Takes the next piece, which stays the caller's. Says whether more is wanted. */
  push(piece: Uint8Array): boolean {
    if (this.#state !== "open") return false;
    let from = 0;
    if (this.#size === 0) while (from < piece.length && blank.has(piece[from] as number)) from++;
    // What begins otherwise is no request, however it goes on.
    const isOther = this.#size === 0 && from < piece.length && piece[from] !== brace;
    const end = isOther ? from + 1 : piece.indexOf(newline, from);
    const part = piece.slice(from, end < 0 ? piece.length : end);
    if (part.length > 0) this.#parts.push(part);
    this.#size += part.length;
    this.#seen += piece.length;
    if (this.#size > this.#most || (end < 0 && this.#seen > this.#most)) {
      this.#state = "too long";
      this.#parts = [];
    } else if (end >= 0) this.#state = "whole";
    return this.#state === "open";
  }

  /** Whether the whole line was seen, or as much as it takes to judge it. */
  get isWhole(): boolean {
    return this.#state === "whole";
  }

  /** The line without its end, or its first byte where that is no request's; undefined when it is too long. */
  line(): Uint8Array | undefined {
    if (this.#state === "too long") return undefined;
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** The url of the line, if it looks like one of an API: checking it is for others. */
  endpoint(): string {
    try {
      const { url } = JSON.parse(new TextDecoder().decode(this.line())) as { url?: unknown };
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
