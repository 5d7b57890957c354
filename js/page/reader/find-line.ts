/** Fetches one line back out of the file. */
import { defaults } from "../../core/rules.ts";
import type { LineIndex } from "./line-index.ts";
import { isGzip, open, openAt } from "./source.ts";

/** Above what the core reads as a line; more is not looked at. */
const MOST_BYTES = defaults.limits.maxLineBytes + (1 << 20);

export interface FoundLine {
  /** Without its line end. */
  bytes: Uint8Array;
  /** With what was left out. */
  length: number;
}

/** The bytes of a line (1-based). A packed file is unpacked again up to it. Null when `stopped` says so. */
export async function findLine(
  file: Blob,
  index: LineIndex,
  line: number,
  stopped: () => boolean,
): Promise<FoundLine | null> {
  const { offset, lineEnds } = index.before(line);
  const packed = await isGzip(file);
  const source = packed ? await open(file) : openAt(file, offset);
  try {
    let skip = packed ? offset : 0;
    let ends = lineEnds;
    const kept: Uint8Array[] = [];
    let length = 0;
    for (let piece = await source.read(); piece; piece = await source.read()) {
      if (stopped()) return null;
      if (skip >= piece.length) {
        skip -= piece.length;
        continue;
      }
      let from = skip;
      skip = 0;
      for (; ends > 0 && from < piece.length; ends--) {
        const end = piece.indexOf(10, from);
        if (end < 0) break;
        from = end + 1;
      }
      if (ends > 0 || from === piece.length) continue;
      const end = piece.indexOf(10, from);
      const part = piece.subarray(from, end < 0 ? undefined : end);
      if (length < MOST_BYTES) kept.push(part.slice(0, MOST_BYTES - length));
      length += part.length;
      if (end >= 0) break;
    }
    return trimmed(kept, length, line);
  } finally {
    source.close();
  }
}

/** Without byte order mark and carriage return, as the core sees it. */
function trimmed(parts: Uint8Array[], length: number, line: number): FoundLine {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const mark = line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const end = bytes.length === length && bytes.at(-1) === 13 ? length - 1 : bytes.length;
  const cut = length - bytes.length;
  return { bytes: bytes.subarray(mark, end), length: end - mark + cut };
}
