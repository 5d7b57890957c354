/**
 * multipart/form-data as a stream: parts come in their order, each part's bytes as they arrive. What is kept in memory
 * is one chunk of the body and the length of the boundary.
 */

import { concat } from "../core/bytes.ts";
import { InvalidRequestError } from "../core/errors.ts";
import { extendedParameter, nameParameter, parameter, splitParameters } from "./header-parameters.ts";

/** One part. Its bytes are to be read before the next part is asked for; what is left of them is skipped. */
export interface Part {
  name: string;
  /** Of file parts. */
  filename?: string;
  bytes: AsyncIterable<Uint8Array>;
}

/** All headers of one part together. A name of 1,024 characters takes up to 12 KiB where it is percent-encoded. */
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_TYPE_CHARS = 2048;
/** RFC 2046 allows 70. */
const MAX_BOUNDARY_CHARS = 200;
const TOO_LONG = `the headers of a part, or the line of a boundary, are longer than ${MAX_HEADER_BYTES} bytes`;
/** What is read of a body that was refused. */
const MAX_LEFT_BYTES = 64 * 1024 * 1024;
const CR = 13;
const LF = 10;
const DASH = 45;

/** The parts of a body. @throws InvalidRequestError where it is no multipart/form-data, or cut off. */
export async function* multipart(
  body: ReadableStream<Uint8Array> | null,
  contentType: string | null,
): AsyncGenerator<Part, void, undefined> {
  const boundary = boundaryOf(contentType);
  const source = new Source(body, new TextEncoder().encode(`\r\n--${boundary}`));
  try {
    await source.skipPreamble();
    while (await source.nextPart()) {
      const headers = await source.headers();
      const disposition = headers.get("content-disposition") ?? "";
      const { name, filename } = dispositionOf(disposition);
      yield { name, ...(filename !== undefined && { filename }), bytes: source.content() };
      await source.skipContent();
    }
    await source.drain();
  } finally {
    await source.cancel();
  }
}

/** Reads a small text part. @throws InvalidRequestError when it is not small. */
export async function text(part: Part, maxBytes = 1024): Promise<string> {
  const decoder = new TextDecoder();
  let [found, size] = ["", 0];
  for await (const chunk of part.bytes) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new InvalidRequestError(`The form field '${part.name}' is too long.`, { param: part.name });
    }
    found += decoder.decode(chunk, { stream: true });
  }
  return found + decoder.decode();
}

class Source {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** The boundary with the line break before it, which belongs to it. */
  readonly #delimiter: Uint8Array;
  #buffer: Uint8Array;
  #ended = false;
  /** Whether the buffer stands within a part's content. */
  #inContent = true;

  constructor(body: ReadableStream<Uint8Array> | null, delimiter: Uint8Array) {
    this.#reader = body?.getReader();
    this.#delimiter = delimiter;
    // The first boundary may stand at the very start, with no line break before it.
    this.#buffer = new Uint8Array([CR, LF]);
  }

  async skipPreamble(): Promise<void> {
    await this.skipContent();
  }

  /** After a boundary: whether a part follows. */
  async nextPart(): Promise<boolean> {
    await this.#fill(2);
    if (this.#buffer[0] === DASH && this.#buffer[1] === DASH) return false;
    // Padding between the boundary and its line break is allowed.
    const line = await this.#line();
    if (line.trim() !== "") throw malformed("a boundary is followed by something else");
    return true;
  }

  async headers(): Promise<Map<string, string>> {
    const headers = new Map<string, string>();
    let left = MAX_HEADER_BYTES;
    for (;;) {
      const line = await this.#line(left);
      if (line === "") break;
      left -= line.length + 2;
      const colon = line.indexOf(":");
      if (colon < 1) throw malformed("a header has no name");
      headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
    }
    this.#inContent = true;
    return headers;
  }

  async *content(): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#inContent) {
      const at = find(this.#buffer, this.#delimiter);
      // What is too short to tell may be the beginning of a boundary.
      const end = at ?? this.#buffer.length - this.#delimiter.length + 1;
      if (end > 0) {
        const bytes = this.#buffer.subarray(0, end);
        this.#buffer = this.#buffer.subarray(end);
        yield bytes;
        continue;
      }
      if (at !== undefined) {
        this.#buffer = this.#buffer.subarray(this.#delimiter.length);
        this.#inContent = false;
        return;
      }
      await this.#more();
    }
  }

  async skipContent(): Promise<void> {
    for await (const _ of this.content());
  }

  /** Reads what follows the last boundary: a client that is still sending it would see a broken connection. */
  async drain(): Promise<void> {
    while (!this.#ended) {
      this.#buffer = new Uint8Array(0);
      await this.#more(true);
    }
  }

  /** Gives the body up. A client that is still sending sees a refusal only if its bytes are taken, up to a limit. */
  async cancel(): Promise<void> {
    try {
      for (let taken = 0; !this.#ended && taken < MAX_LEFT_BYTES; taken += this.#buffer.length) {
        this.#buffer = new Uint8Array(0);
        await this.#more(true);
      }
      if (!this.#ended) await this.#reader?.cancel();
    } catch {
      // The client is gone.
    }
  }

  /** The text up to the next line break, which is taken too. */
  async #line(most = MAX_HEADER_BYTES): Promise<string> {
    for (let from = 0; ; ) {
      const at = this.#buffer.indexOf(LF, from);
      if (at > most || (at < 0 && this.#buffer.length > most)) throw malformed(TOO_LONG);
      if (at >= 0) {
        const end = this.#buffer[at - 1] === CR ? at - 1 : at;
        const line = new TextDecoder().decode(this.#buffer.subarray(0, end));
        this.#buffer = this.#buffer.subarray(at + 1);
        return line;
      }
      from = this.#buffer.length;
      await this.#more();
    }
  }

  async #fill(length: number): Promise<void> {
    while (this.#buffer.length < length) await this.#more();
  }

  async #more(mayEnd = false): Promise<void> {
    const next = this.#ended ? undefined : await this.#reader?.read();
    if (next?.value !== undefined) {
      this.#buffer = this.#buffer.length === 0 ? next.value : concat([this.#buffer, next.value]);
      return;
    }
    this.#ended = true;
    if (!mayEnd) throw malformed("it ends before its last boundary");
  }
}

/** The first offset of the delimiter. It begins with CR, which is rare in what people send. */
function find(bytes: Uint8Array, delimiter: Uint8Array): number | undefined {
  const last = bytes.length - delimiter.length;
  for (let at = bytes.indexOf(CR); at >= 0 && at <= last; at = bytes.indexOf(CR, at + 1)) {
    let i = 1;
    while (i < delimiter.length && bytes[at + i] === delimiter[i]) i++;
    if (i === delimiter.length) return at;
  }
  return undefined;
}

function boundaryOf(contentType: string | null): string {
  if ((contentType?.length ?? 0) > MAX_TYPE_CHARS) {
    throw new InvalidRequestError(
      `Invalid Content-Type: header too long. Expected at most ${MAX_TYPE_CHARS} characters, but got ${contentType?.length}.`,
    );
  }
  const [type = "", ...parameters] = splitParameters(contentType ?? "");
  const boundary = parameter(parameters, "boundary");
  if (type.toLowerCase() !== "multipart/form-data" || !boundary) {
    throw new InvalidRequestError(
      "Invalid Content-Type: expected 'multipart/form-data' with a boundary, as file uploads are sent.",
    );
  }
  if (boundary.length <= MAX_BOUNDARY_CHARS && /^[\x20-\x7e]+$/.test(boundary)) return boundary;
  throw new InvalidRequestError(
    `Invalid Content-Type: expected a boundary of at most ${MAX_BOUNDARY_CHARS} printable ASCII characters.`,
  );
}

function dispositionOf(header: string): { name: string; filename?: string } {
  const [type = "", ...parameters] = splitParameters(header);
  const name = nameParameter(parameters, "name");
  if (type.toLowerCase() !== "form-data" || name === undefined) throw malformed("a part has no name");
  const filename = extendedParameter(parameters, "filename*") ?? nameParameter(parameters, "filename");
  return { name, ...(filename !== undefined && { filename }) };
}

function malformed(why: string): InvalidRequestError {
  return new InvalidRequestError(`Could not parse the multipart/form-data body: ${why}.`);
}
