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

/** A body of at most so many bytes. `broken` is called when it is longer, or when its sender does not send all of it. */
export function bounded(
  body: ReadableStream<Uint8Array>,
  most: number,
  broken: (why: "too long" | "cut off") => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let size = 0;
  const next = () =>
    reader.read().catch((error) => {
      broken("cut off");
      throw error;
    });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await next();
        if (done) return controller.close();
        size += value.length;
        if (size <= most) return controller.enqueue(value);
        broken("too long");
        reader.cancel().catch(() => {});
        controller.error(new Error("The body is too long."));
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
