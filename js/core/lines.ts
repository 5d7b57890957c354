/** Stored files, line by line. */
import type { Files } from "./types.ts";

/** Bytes read at once. */
const PIECE = 256 * 1024;

/**
 * The lines of a stored file, such as the output of a batch, without their line feeds: one after the other, and in the
 * memory of one. Null, where a batch has no such file, has no lines.
 * @throws ResourceNotFoundError when there is no such file.
 */
export async function* readLines(
  files: Pick<Files, "read">,
  id: string | null,
): AsyncGenerator<string, void> {
  if (id === null) return;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let begun = false;
  let line = "";
  for (let offset = 0; ; ) {
    const piece = await files.read(id, offset, PIECE);
    offset += piece.length;
    let from = 0;
    for (let end = piece.indexOf(LF); end >= 0; end = piece.indexOf(LF, from)) {
      yield line + decoder.decode(piece.subarray(from, end));
      [line, begun, from] = ["", false, end + 1];
    }
    if (from < piece.length) {
      line += decoder.decode(piece.subarray(from), { stream: true });
      begun = true;
    }
    if (piece.length < PIECE) break;
  }
  if (begun) yield line + decoder.decode();
}

const LF = 0x0a;
