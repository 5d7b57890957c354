/** Files line by line, with where each line is. Memory: one line at a time. */

const newline = 0x0a;

/** A line without its line feed, valid until the next is asked for. */
export interface FileLine {
  bytes: Uint8Array;
  /** Where it begins in the file. */
  offset: number;
  /** Counted from 1. */
  number: number;
}

/** Chunks may be reused by their source. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<FileLine> {
  let parts: Uint8Array[] = [];
  let [offset, number] = [0, 0];
  const next = (last: Uint8Array): FileLine => {
    const bytes = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    parts = [];
    number += 1;
    const line = { bytes, offset, number };
    offset += bytes.length + 1;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      yield next(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) parts.push(chunk.slice(from));
  }
  if (parts.length > 0) yield next(new Uint8Array());
}

/** What a line says; undefined for what is no JSON object. */
export function objectIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether there is nothing on a line. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
