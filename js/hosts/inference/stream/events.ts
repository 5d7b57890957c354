/** Server-sent events, read as they come. */

import { concat } from "../../../core/bytes.ts";
import { tooLarge } from "../exchange.ts";

export interface ServerEvent {
  /** Empty where the server names none. */
  name: string;
  data: Uint8Array;
}

const [LF, CR, COLON, SPACE] = [0x0a, 0x0d, 0x3a, 0x20];
const newline = Uint8Array.of(LF);
const decoder = new TextDecoder();

/** Decoding leaves out a byte order mark, which the first may have. */
function nameOf(field: Uint8Array): string {
  const [d, a, t, again] = field;
  const isData = field.length === 4 && d === 0x64 && a === 0x61 && t === 0x74 && again === 0x61;
  return isData ? "data" : decoder.decode(field);
}

/** Takes bytes, cut anywhere, and gives events. Holds one event at most, of at most so many bytes. */
export class EventReader {
  readonly #most: number;
  readonly #onEvent: (event: ServerEvent) => void;
  /** The line that is not whole yet. */
  #line: Uint8Array[] = [];
  /** The event that is not whole yet. */
  #data: Uint8Array[] = [];
  #name = "";
  #held = 0;
  /** The last byte was a CR: a LF that follows is of the same line end. */
  #afterCr = false;

  constructor(most: number, onEvent: (event: ServerEvent) => void) {
    this.#most = most;
    this.#onEvent = onEvent;
  }

  /** @throws ResponseTooLargeError */
  add(part: Uint8Array): void {
    let from = this.#afterCr && part[0] === LF ? 1 : 0;
    if (part.length > 0) this.#afterCr = false;
    // Most streams have none.
    let cr = part.indexOf(CR, from);
    for (let lf = part.indexOf(LF, from); lf >= 0 || cr >= 0; lf = part.indexOf(LF, from)) {
      const isCr = cr >= 0 && (lf < 0 || cr < lf);
      const end = isCr ? cr : lf;
      this.#endLine(part.subarray(from, end));
      from = end + (isCr && part[end + 1] === LF ? 2 : 1);
      if (!isCr) continue;
      this.#afterCr = end + 1 === part.length;
      cr = part.indexOf(CR, from);
    }
    // Copied, as it may be a small piece of something large.
    if (from < part.length) this.#hold(this.#line, part.slice(from));
  }

  /** What came without the empty line that ends an event: some servers leave out the last one. */
  rest(): ServerEvent | null {
    if (this.#line.length > 0) this.#endLine(new Uint8Array());
    const event = { name: this.#name, data: concat(this.#data) };
    return this.#data.length > 0 ? event : null;
  }

  #hold(where: Uint8Array[], bytes: Uint8Array): void {
    this.#held += bytes.length;
    if (this.#held > this.#most) throw tooLarge(this.#most);
    where.push(bytes);
  }

  #endLine(end: Uint8Array): void {
    let line = end;
    if (this.#line.length > 0) {
      for (const part of this.#line) this.#held -= part.length;
      line = concat([...this.#line, end]);
      this.#line = [];
    }
    if (line.length === 0) this.#endEvent();
    else this.#field(line);
  }

  #field(line: Uint8Array): void {
    const colon = line.indexOf(COLON);
    const field = nameOf(colon < 0 ? line : line.subarray(0, colon));
    const start = colon + (line[colon + 1] === SPACE ? 2 : 1);
    const value = colon < 0 ? new Uint8Array() : line.subarray(start);
    if (field === "event") this.#name = decoder.decode(value);
    // llama.cpp had its errors in a field of that name.
    if (field === "error") this.#name = "error";
    if (field !== "data" && field !== "error") return;
    if (this.#data.length > 0) this.#hold(this.#data, newline);
    this.#hold(this.#data, value.slice());
  }

  #endEvent(): void {
    const [name, data] = [this.#name, this.#data];
    this.#name = "";
    this.#data = [];
    this.#held = 0;
    if (data.length > 0)
      this.#onEvent({ name, data: data.length === 1 ? (data[0] as Uint8Array) : concat(data) });
  }
}
