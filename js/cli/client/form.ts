/** A multipart form with one file, sent as it is read: its length is known before. */

import { randomUUID } from "node:crypto";

/** A form, but for the bytes of its file. */
export interface Form {
  headers: Record<string, string>;
  /** All of it, read as it is sent and no sooner. */
  body(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array>;
}

/** The form of some fields, and of a file of `size` bytes as the last of them. */
export function formOf(fields: Record<string, string>, name: string, filename: string, size: number): Form {
  const boundary = `edgebatch-${randomUUID()}`;
  const opened = (field: string, more = "") =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${field}"${more}\r\n`;
  const texts = Object.entries(fields).map(([field, value]) => `${opened(field)}\r\n${value}\r\n`);
  const quoted = filename.replace(/["\r\n\\]/g, (char) => encodeURIComponent(char));
  const file = `${opened(name, `; filename="${quoted}"`)}content-type: application/octet-stream\r\n\r\n`;
  const head = Buffer.from(texts.join("") + file);
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* pieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield head;
    yield* chunks;
    yield tail;
  }
  return {
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(head.length + size + tail.length),
    },
    body: (chunks) => streamOf(pieces(chunks)),
  };
}

function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { value } = await chunks.next();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      async cancel() {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
