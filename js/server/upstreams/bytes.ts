/** Bodies of calls that are passed on. */

import { concat } from "../../core/bytes.ts";

/** All bytes; undefined when there are more than `most`. */
export async function readWhole(
  body: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<Uint8Array | undefined> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > most) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    parts.push(next.value);
  }
  return parts.length === 1 ? parts[0] : concat(parts);
}

/** A body of at most so many bytes. One that is longer fails, and says so by `tooLong`. */
export function bounded(
  body: ReadableStream<Uint8Array>,
  most: number,
  tooLong: () => void,
): ReadableStream<Uint8Array> {
  let size = 0;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        size += chunk.length;
        if (size <= most) return controller.enqueue(chunk);
        tooLong();
        controller.error(new Error("The body is too long."));
      },
    }),
  );
}
