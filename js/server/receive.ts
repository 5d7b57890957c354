/** Takes a file from a form into an object as it comes, and looks at its first line on the way. */

import { InvalidRequestError } from "../core/errors.ts";
import { FirstLine } from "../core/first-line.ts";
import type { Part } from "./multipart.ts";
import type { BlobWriter } from "./ports.ts";
import { FIRST_LINE_BYTES, type Received } from "./purposes.ts";

/** Streams a part into an object. Nothing is left of it when it is larger than allowed, or breaks off. */
export async function receive(
  part: Part,
  writer: BlobWriter,
  maxBytes: number,
  tooLarge = new InvalidRequestError("File is too large."),
): Promise<Received> {
  const head = new FirstLine(FIRST_LINE_BYTES);
  try {
    for await (const chunk of part.bytes) {
      if (writer.size + chunk.length > maxBytes) throw tooLarge;
      head.push(chunk);
      await writer.write(chunk);
    }
    const bytes = await writer.complete();
    return { filename: part.filename ?? "upload", bytes, firstLine: head.line() };
  } catch (error) {
    await writer.abort().catch(() => undefined);
    throw error;
  }
}
