/** Members of a JSON object as bytes, so that what is not looked at stays as it is: numbers, spaces, escapes. */

/** A member of an object: its name, and where its value is. */
export interface Member {
  name: string;
  from: number;
  to: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const [OPEN, CLOSE] = [0x7b, 0x7d];

/**
 * The members of the object that starts at `from`, nested ones left out; then where it begins and ends. Null for what is no
 * object. The JSON is taken to be valid: what is not ends the members early, and gives null where that is seen.
 */
export function members(json: Uint8Array, from = 0): { open: number; found: Member[] } | null {
  const open = skip(json, from);
  if (json[open] !== OPEN) return null;
  const found: Member[] = [];
  for (let at = skip(json, open + 1); json[at] !== CLOSE; ) {
    if (json[at] !== QUOTE) return null;
    const nameEnd = endOfString(json, at);
    const colon = skip(json, nameEnd);
    if (json[colon] !== COLON) return null;
    const value = skip(json, colon + 1);
    const to = endOfValue(json, value);
    if (to <= value) return null;
    found.push({ name: nameOf(json.subarray(at, nameEnd)), from: value, to });
    at = skip(json, to);
    if (json[at] === COMMA) at = skip(json, at + 1);
    else if (json[at] !== CLOSE) return null;
  }
  return { open, found };
}

/** The bytes of one member's value; the last of that name, as readers of JSON take it. */
export function member(json: Uint8Array, name: string): Uint8Array | null {
  const found = members(json)?.found.findLast((each) => each.name === name);
  return found ? json.subarray(found.from, found.to) : null;
}

/** The text of a JSON value, for values that are short. */
export function textOf(json: Uint8Array): string {
  return decoder.decode(json);
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function nameOf(quoted: Uint8Array): string {
  const text = decoder.decode(quoted);
  if (!text.includes("\\")) return text.slice(1, -1);
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}

function skip(json: Uint8Array, from: number): number {
  let at = from;
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at += 1;
  return at;
}

/** Behind the quote that closes the string that opens at `from`. */
function endOfString(json: Uint8Array, from: number): number {
  for (let at = json.indexOf(QUOTE, from + 1); at >= 0; at = json.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (json[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return json.length;
}

function endOfValue(json: Uint8Array, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; ) {
    const byte = json[at] as number;
    if (byte === QUOTE) {
      at = endOfString(json, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === OPEN || byte === 0x5b) depth += 1;
    else if (byte === CLOSE || byte === 0x5d) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (byte === COMMA || byte <= 0x20)) return at;
    at += 1;
  }
  return json.length;
}
