/**
 * Lays a line's JSON out for reading and marks the fault: a member by its path, or the byte where it breaks.
 * What comes out is bounded however long the line is: of long strings the middle is left out, of many rows those that
 * are neither at the beginning nor near the mark.
 */
import { explainLine } from "../../core/explain.ts";
import type { LineView, Row, Span } from "./protocol.ts";
import { RowWindow } from "./row-window.ts";
import { visible } from "./visible.ts";

/** Bytes of a string that is shown whole; of a longer one, that many at both ends. */
const WHOLE_STRING = 600;
const STRING_HEAD = 320;
const STRING_TAIL = 120;
/** Lists of numbers and words share rows up to here. */
const ROW_CHARS = 76;
/** Bytes shown of the text after a break. */
const AFTER_FAULT = 240;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Lays out a line of `length` bytes, of which `text` may be only the beginning; `param` is the path of the faulty
 * member, such as `body.model`. A member that is missing gets a row where it would be.
 */
export function layOut(line: number, text: Uint8Array, length: number, param: string | null): LineView {
  const cut = length > text.length;
  const fault = cut ? null : explainLine(text);
  const layout = new Layout(text, fault || param === null ? [] : param.split("."));
  layout.run(fault ? fault.offset : text.length);
  if (fault) layout.breaks(fault.offset);
  else layout.ends(cut);
  return { line, bytes: length, rows: layout.window.rows(), fault, cut };
}

interface Container {
  named: boolean;
  /** How many names of the path lead here; -1 off the path. */
  onPath: number;
  /** In an object: a name was read, and its value comes next. */
  valueNext: boolean;
}

class Layout {
  readonly window = new RowWindow();
  readonly #text: Uint8Array;
  readonly #path: string[];
  readonly #decoder = new TextDecoder();
  readonly #open: Container[] = [];
  #at = 0;
  #row: Row = { depth: 0, spans: [], marked: false };
  #rowChars = 0;
  /** How many names of the path lead to the value that comes next. */
  #onPath = 0;
  #found = false;
  /** Where a missing member would be: under the innermost object of the path. */
  #parent: { row: number; depth: number; onPath: number } | null = null;

  constructor(text: Uint8Array, path: string[]) {
    this.#text = text;
    this.#path = path;
  }

  run(end: number): void {
    while (this.#at < end) {
      const byte = this.#text[this.#at] as number;
      if (isSpace(byte)) this.#at++;
      else if (byte === QUOTE) this.#string(end);
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#opens(byte === OPEN_BRACE);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#closes(byte);
      else if (byte === COMMA) this.#comma();
      else if (byte === COLON) this.#colon();
      else this.#scalar(end);
    }
  }

  /** The line is at its end, or continues beyond what was read. */
  ends(cut: boolean): void {
    if (cut) this.#add(" … the rest of this line is left out", "left-out");
    this.#endRow();
    if (this.#path.length === 0 || this.#found || cut) return;
    const { row = 0, depth = 0, onPath = 0 } = this.#parent ?? {};
    const spans: Span[] = [{ text: `"${this.#path[onPath]}" is missing here`, kind: "missing" }];
    this.window.insertAfter(row, { depth: depth + 1, spans, marked: true });
  }

  /** The JSON breaks here; what follows is shown verbatim. */
  breaks(at: number): void {
    const rest = this.#text.subarray(at);
    const wide = boundary(rest, 1);
    if (rest.length === 0) this.#add("▲ the line ends here", "fault");
    else this.#add(this.#decoded(rest.subarray(0, wide)), "fault");
    const after = rest.subarray(wide, boundary(rest, wide + AFTER_FAULT));
    this.#add(this.#decoded(after), "plain");
    const more = rest.length - wide - after.length;
    if (more > 0) this.#add(` … ${more.toLocaleString("en")} more bytes`, "left-out");
    this.#mark();
    this.#endRow();
  }

  #opens(named: boolean): void {
    const onPath = named ? this.#onPath : -1;
    if (onPath >= 0 && onPath < this.#path.length)
      this.#parent = { row: this.window.next, depth: this.#row.depth, onPath };
    this.#add(named ? "{" : "[", "plain");
    this.#at++;
    this.#open.push({ named, onPath, valueNext: false });
    this.#onPath = -1;
    const next = this.#peek();
    if (next !== CLOSE_BRACE && next !== CLOSE_BRACKET) this.#newRow();
  }

  #closes(byte: number): void {
    const last = this.#row.spans.at(-1)?.text;
    this.#open.pop();
    const empty = last === "{" || last === "[";
    if (!empty) {
      if (this.#row.spans.length > 0) this.#newRow();
      this.#row.depth = this.#open.length;
    }
    this.#add(String.fromCharCode(byte), "plain");
    this.#at++;
  }

  #comma(): void {
    this.#add(",", "plain");
    this.#at++;
    const container = this.#open.at(-1);
    if (container) container.valueNext = false;
    const next = this.#peek();
    const short = next !== OPEN_BRACE && next !== OPEN_BRACKET && next !== QUOTE;
    if (container?.named === false && short && this.#rowChars < ROW_CHARS) this.#add(" ", "plain");
    else this.#newRow();
  }

  #colon(): void {
    this.#add(": ", "plain");
    this.#at++;
    const container = this.#open.at(-1);
    if (container) container.valueNext = true;
  }

  #string(end: number): void {
    const start = this.#at;
    let close = start + 1;
    while (close < end && this.#text[close] !== QUOTE) close += this.#text[close] === BACKSLASH ? 2 : 1;
    this.#at = Math.min(close + 1, end);
    const raw = this.#text.subarray(start, this.#at);
    const container = this.#open.at(-1);
    const isName = container?.named === true && !container.valueNext;
    if (isName) this.#name(raw, container);
    const kind = isName ? "key" : "string";
    if (raw.length <= WHOLE_STRING) {
      this.#add(this.#decoded(raw), kind);
      return;
    }
    const head = boundary(raw, STRING_HEAD);
    const tail = boundary(raw, raw.length - STRING_TAIL);
    this.#add(this.#decoded(raw.subarray(0, head)), kind);
    this.#add(` … ${(tail - head).toLocaleString("en")} bytes … `, "left-out");
    this.#add(this.#decoded(raw.subarray(tail)), kind);
  }

  #name(raw: Uint8Array, container: Container): void {
    const wanted = container.onPath >= 0 ? this.#path[container.onPath] : undefined;
    const matches = wanted !== undefined && raw.length <= WHOLE_STRING && this.#spelled(raw) === wanted;
    this.#onPath = matches ? container.onPath + 1 : -1;
    // Of several members with one name the last counts, so a later mark replaces this one.
    if (matches && this.#onPath === this.#path.length) this.#mark();
  }

  /** What a name says; null if it is cut off by the end of what is read. */
  #spelled(raw: Uint8Array): string | null {
    try {
      return JSON.parse(this.#decoder.decode(raw)) as string;
    } catch {
      return null;
    }
  }

  #scalar(end: number): void {
    const start = this.#at;
    while (this.#at < end && !isEnd(this.#text[this.#at] as number)) this.#at++;
    const first = this.#text[start] as number;
    const kind = first === 0x2d || (first >= 0x30 && first <= 0x39) ? "number" : "literal";
    this.#add(this.#decoded(this.#text.subarray(start, Math.min(this.#at, start + WHOLE_STRING))), kind);
  }

  #mark(): void {
    this.#found = true;
    this.window.mark(this.#row);
  }

  #peek(): number | undefined {
    while (isSpace(this.#text[this.#at])) this.#at++;
    return this.#text[this.#at];
  }

  #add(text: string, kind: Span["kind"]): void {
    if (text === "") return;
    this.#row.spans.push({ text, kind });
    this.#rowChars += text.length;
  }

  #newRow(): void {
    this.#endRow();
    this.#row = { depth: this.#open.length, spans: [], marked: false };
    this.#rowChars = 0;
  }

  #endRow(): void {
    this.window.add(this.#row);
  }

  #decoded(raw: Uint8Array): string {
    return visible(this.#decoder.decode(raw));
  }
}

/** The nearest start of a character at or after an offset. */
function boundary(text: Uint8Array, offset: number): number {
  let at = Math.max(0, Math.min(offset, text.length));
  while (at < text.length && at < offset + 3 && ((text[at] as number) & 0xc0) === 0x80) at++;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 9 || byte === 10 || byte === 13;
}

function isEnd(byte: number): boolean {
  const structure = [COMMA, COLON, QUOTE, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET];
  return isSpace(byte) || structure.includes(byte);
}
