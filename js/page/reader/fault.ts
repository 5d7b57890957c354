/**
 * Where a line stops being JSON, and why, in plain words. The core alone decides whether it is JSON; this explains its
 * answer and goes by the same rules: RFC 8259, UTF-8, paired surrogates, numbers a double can hold, nesting up to 128.
 */

export interface Fault {
  /** The byte where it breaks. */
  at: number;
  message: string;
}

const MAX_DEPTH = 128;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The first fault; null if the line is JSON. */
export function findFault(bytes: Uint8Array): Fault | null {
  try {
    new Walk(bytes).all();
    return null;
  } catch (found) {
    if (found instanceof Found) return found.fault;
    throw found;
  }
}

class Found {
  readonly fault: Fault;
  constructor(at: number, message: string) {
    this.fault = { at, message };
  }
}

class Walk {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** The containers around, by their opening byte. */
  readonly #open: number[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  all(): void {
    this.#value("a value");
    this.#space();
    if (this.#at < this.#bytes.length)
      throw this.#found(
        "The JSON is complete here, but the line goes on. Each line holds exactly one JSON object.",
      );
  }

  /** A value with all that is in it. Without recursion: nesting is the file's choice. */
  #value(expected: string): void {
    let expects = expected;
    for (;;) {
      this.#space();
      const opened = this.#opened(expects);
      if (opened) {
        expects = opened;
        continue;
      }
      const next = this.#after();
      if (next === null) return;
      expects = next;
    }
  }

  /** Reads a value. If it opened a container that is not empty, gives what is expected inside. */
  #opened(expected: string): string | null {
    const byte = this.#bytes[this.#at];
    if (byte === QUOTE) this.#string();
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (this.#open.length >= MAX_DEPTH)
        throw this.#found(`Arrays and objects are nested deeper than ${MAX_DEPTH} here.`);
      this.#at++;
      this.#space();
      const close = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      if (this.#bytes[this.#at] === close) {
        this.#at++;
        return null;
      }
      this.#open.push(byte);
      if (byte === OPEN_BRACKET) return "a value or “]”";
      this.#name("a name in double quotes or “}”");
      return "a value after the colon";
    } else if (byte === 0x2d || (byte !== undefined && isDigit(byte))) this.#number();
    else this.#word(expected);
    return null;
  }

  /** What comes after a value: closes containers; gives what is expected next, null at the end of it all. */
  #after(): string | null {
    for (;;) {
      const container = this.#open.at(-1);
      if (container === undefined) return null;
      this.#space();
      const byte = this.#bytes[this.#at];
      const close = container === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      if (byte === close) {
        this.#at++;
        this.#open.pop();
        continue;
      }
      if (byte !== COMMA) {
        const kind = container === OPEN_BRACE ? "object" : "array";
        throw this.#unexpected(`a comma or “${String.fromCharCode(close)}” (an ${kind} is still open)`);
      }
      const comma = this.#at++;
      this.#space();
      if (this.#bytes[this.#at] === close) {
        throw new Found(
          comma,
          `There is a comma too many here: nothing follows before “${String.fromCharCode(close)}”.`,
        );
      }
      if (container === OPEN_BRACKET) return "a value";
      this.#name("a name in double quotes");
      return "a value after the colon";
    }
  }

  #name(expected: string): void {
    if (this.#bytes[this.#at] !== QUOTE) throw this.#unexpected(expected);
    this.#string();
    this.#space();
    if (this.#bytes[this.#at] !== COLON) throw this.#unexpected("a colon after the name");
    this.#at++;
  }

  #word(expected: string): void {
    for (const word of ["true", "false", "null"]) {
      const text = String.fromCharCode(...this.#bytes.subarray(this.#at, this.#at + word.length));
      if (text !== word) continue;
      this.#at += word.length;
      const next = this.#bytes[this.#at];
      if (next !== undefined && isWordByte(next)) {
        this.#at -= word.length;
        throw this.#unexpected(expected);
      }
      return;
    }
    throw this.#unexpected(expected);
  }

  #number(): void {
    const start = this.#at;
    if (this.#bytes[this.#at] === 0x2d) this.#at++;
    const first = this.#bytes[this.#at];
    this.#digits("a digit");
    if (first === 0x30 && this.#at - start > (this.#bytes[start] === 0x2d ? 2 : 1))
      throw new Found(start, "A number must not start with a zero. If this is an id, put it in quotes.");
    if (this.#bytes[this.#at] === 0x2e) {
      this.#at++;
      this.#digits("a digit after the decimal point");
    }
    if (this.#bytes[this.#at] === 0x65 || this.#bytes[this.#at] === 0x45) {
      this.#at++;
      if (this.#bytes[this.#at] === 0x2b || this.#bytes[this.#at] === 0x2d) this.#at++;
      this.#digits("a digit of the exponent");
    }
    const text = latin(this.#bytes.subarray(start, this.#at));
    if (!Number.isFinite(Number(text))) throw new Found(start, "This number is too large.");
  }

  #digits(expected: string): void {
    const start = this.#at;
    while (isDigit(this.#bytes[this.#at] ?? 0)) this.#at++;
    if (this.#at === start) throw this.#unexpected(expected);
  }

  #string(): void {
    const start = this.#at++;
    const bytes = this.#bytes;
    for (;;) {
      const byte = bytes[this.#at];
      if (byte === undefined)
        throw new Found(start, "The string that starts here has no closing double quote.");
      if (byte === QUOTE) {
        this.#at++;
        return;
      }
      if (byte === BACKSLASH) this.#escape();
      else if (byte < 0x20) {
        const name = byte === 9 ? "A tab" : byte === 13 ? "A carriage return" : "A control character";
        throw this.#found(
          `${name} stands inside a string: it has to be written as ${byte === 9 ? "\\t" : byte === 13 ? "\\r" : `\\u${hex4(byte)}`}.`,
        );
      } else if (byte < 0x80) this.#at++;
      else this.#encoded();
    }
  }

  #escape(): void {
    const start = this.#at;
    const byte = this.#bytes[start + 1];
    if (byte !== 0x75) {
      if (byte === undefined || !'"\\/bfnrt'.includes(String.fromCharCode(byte))) {
        const shown = byte === undefined ? "" : ` \\${byte < 0x80 ? String.fromCharCode(byte) : "…"}`;
        throw this.#found(`There is no escape${shown}. A backslash itself is written \\\\.`);
      }
      this.#at += 2;
      return;
    }
    const first = this.#unit(start);
    this.#at += 6;
    if (first < 0xd800 || first > 0xdfff) return;
    const alone = "This \\u escape is half of a pair (a surrogate) without its other half.";
    if (first > 0xdbff || this.#bytes[this.#at] !== BACKSLASH || this.#bytes[this.#at + 1] !== 0x75)
      throw new Found(start, alone);
    const second = this.#unit(this.#at);
    if (second < 0xdc00 || second > 0xdfff) throw new Found(start, alone);
    this.#at += 6;
  }

  #unit(at: number): number {
    const text = latin(this.#bytes.subarray(at + 2, at + 6));
    if (!/^[0-9a-fA-F]{4}$/.test(text))
      throw new Found(at, "\\u must be followed by four hexadecimal digits.");
    return Number.parseInt(text, 16);
  }

  /** One character of several bytes. */
  #encoded(): void {
    const length = encodedLength(this.#bytes, this.#at);
    if (length === 0)
      throw this.#found("This byte is not UTF-8. Save the file with the encoding UTF-8 and check it again.");
    this.#at += length;
  }

  #space(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 9 && byte !== 13 && byte !== 10) return;
      this.#at++;
    }
  }

  #found(message: string): Found {
    return new Found(this.#at, message);
  }

  /** Something else stands here. What people often write instead is named. */
  #unexpected(expected: string): Found {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return this.#found(`The line ends here, but there should be ${expected}.`);
    const ahead = latin(this.#bytes.subarray(this.#at, this.#at + 9));
    if (byte === 0x27)
      return this.#found("JSON has no single quotes: names and strings are in double quotes.");
    if (ahead.startsWith("\u00e2\u0080\u009c") || ahead.startsWith("\u00e2\u0080\u009d"))
      return this.#found("This is a typographic quote. JSON takes the straight double quote only.");
    if (ahead.startsWith("//") || ahead.startsWith("/*") || byte === 0x23)
      return this.#found("JSON has no comments.");
    if (/^-?(NaN|Infinity)/.test(ahead))
      return this.#found("NaN and Infinity are not JSON. Write null or leave the member out.");
    if (/^(True|False|None)\b/.test(ahead))
      return this.#found("This is Python, not JSON: write true, false or null. json.dumps does it for you.");
    if (/^undefined/.test(ahead)) return this.#found("undefined is not JSON. Write null or leave it out.");
    if (byte >= 0x80) return this.#found(`This character is not expected here; there should be ${expected}.`);
    const shown = byte > 0x20 && byte < 0x7f ? `“${String.fromCharCode(byte)}”` : `Byte ${byte}`;
    return this.#found(`${shown} is not expected here; there should be ${expected}.`);
  }
}

/** Bytes of the UTF-8 character at a place; 0 if there is none. */
function encodedLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const next = (i: number) => ((bytes[at + i] ?? 0) & 0xc0) === 0x80;
  const second = bytes[at + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return next(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const fits = first === 0xe0 ? second >= 0xa0 : first === 0xed ? second <= 0x9f : true;
    return fits && next(1) && next(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const fits = first === 0xf0 ? second >= 0x90 : first === 0xf4 ? second <= 0x8f : true;
    return fits && next(1) && next(2) && next(3) ? 4 : 0;
  }
  return 0;
}

function latin(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isWordByte = (byte: number) =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f;
const hex4 = (byte: number) => byte.toString(16).padStart(4, "0");
