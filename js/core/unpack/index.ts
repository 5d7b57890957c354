/** Unpacks gzip and zstd as they come, the same on every runtime: what is cut off or damaged is never taken for whole. */

import { gunzip } from "./gzip.ts";
import { Source, UnpackError } from "./source.ts";
import { unzstd } from "./zstd.ts";

export { UnpackError };

/** What RFC 8878 asks of every reader, and what zstd itself makes up to level 19. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/**
 * What packed chunks hold, in pieces of at most 128 KiB: each valid until the next is asked for, and made no sooner, so that whoever
 * takes them may stop at any size.
 * @throws UnpackError
 */
export async function* unpacked(
  packing: "gzip" | "zstd",
  chunks: AsyncIterable<Uint8Array>,
  mostWindow = WINDOW_BYTES,
): AsyncGenerator<Uint8Array> {
  const source = new Source(chunks);
  try {
    yield* packing === "gzip" ? gunzip(source) : unzstd(source, mostWindow);
  } catch (error) {
    if (!(error instanceof UnpackError)) throw error;
    throw new UnpackError(`The ${packing} data cannot be unpacked: ${error.message}.`);
  } finally {
    await source.close();
  }
}
