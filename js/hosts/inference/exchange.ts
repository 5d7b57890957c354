/** One request and its answer, however they travel: over `fetch`, or over what carries Node's. */

import { concat } from "../../core/bytes.ts";

/** What is sent. */
export interface Outgoing {
  url: URL;
  headers: Record<string, string>;
  body: Uint8Array;
  /** Most bytes of an answer. */
  most: number;
  /** What takes an answer's body instead of {@link Parts}; null for an answer that is taken as it comes. */
  collect?: ((status: number, header: (name: string) => string | null) => Collector | null) | undefined;
}

/** What takes the parts of a body. */
export interface Collector {
  /** Whether all is there: the body is not waited for any more. */
  readonly done: boolean;
  /** @throws ResponseTooLargeError */
  add(part: Uint8Array): void;
  /** What came, as the body of the answer. @throws Error when the answer was cut off */
  whole(): Uint8Array;
}

/** How long a body may go on after its answer was there: reading it to the end keeps the connection. */
export const DRAIN_MS = 1_000;

/** What came back. */
export interface Incoming {
  status: number;
  header(name: string): string | null;
  /** Empty for a redirect, whose body nobody reads. */
  body: Uint8Array;
}

/** The caller's way to end an exchange that is under way. */
export interface Stopper {
  stop?: (reason: unknown) => void;
  /** Nothing is to be sent any more. */
  stopped?: boolean;
}

/** Posts once and follows nothing. Rejects with a {@link ResponseTooLargeError}, or with what the connection says. */
export type Exchange = (outgoing: Outgoing, stopper: Stopper) => Promise<Incoming>;

/** An answer over `maxResponseBytes`. */
export class ResponseTooLargeError extends Error {
  override name = "ResponseTooLargeError";
}

/** Whether an answer sends the caller elsewhere. */
export function isRedirect(status: number, header: (name: string) => string | null): boolean {
  return status > 300 && [301, 302, 303, 307, 308].includes(status) && header("location") !== null;
}

/** The parts of an answer, as they come. */
export class Parts implements Collector {
  readonly done = false;
  readonly #most: number;
  /** What the server said of its length, where it holds for the bytes that are counted. */
  readonly #length: number | null;
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  /** @throws ResponseTooLargeError for an answer that says it is */
  constructor(header: (name: string) => string | null, most: number) {
    this.#most = most;
    const length = header("content-length");
    if (Number(length) > most) throw tooLarge(most);
    this.#length = length === null || header("content-encoding") !== null ? null : Number(length);
  }

  /** @throws ResponseTooLargeError */
  add(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size > this.#most) throw tooLarge(this.#most);
    this.#parts.push(part);
  }

  /** @throws Error when the answer was cut off, which most runtimes notice by themselves */
  whole(): Uint8Array {
    if (this.#length !== null && this.#size !== this.#length) throw cutOff(this.#size, this.#length);
    return this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : concat(this.#parts);
  }
}

/** An exchange over `fetch`. */
export function overFetch(fetch: typeof globalThis.fetch): Exchange {
  return async ({ url, headers, body, most, collect }, stopper) => {
    const control = new AbortController();
    stopper.stop = (reason) => control.abort(reason);
    const response = await fetch(url, {
      ...{ method: "POST", headers, body: body as Uint8Array<ArrayBuffer> },
      ...{ redirect: "manual", signal: control.signal },
    });
    const header = (name: string) => response.headers.get(name);
    const { status } = response;
    const cancel = () => void response.body?.cancel().catch(() => undefined);
    if (response.type === "opaqueredirect" || isRedirect(status, header)) {
      cancel();
      return { status, header, body: new Uint8Array() };
    }
    const collector = collect?.(status, header);
    const whole = collector ? null : await atOnce(response, most);
    return {
      status,
      header,
      body: whole ?? (await read(response.body, () => collector ?? new Parts(header, most))),
    };
  };
}

/**
 * A body whose length is known and allowed, in one piece: reading it part by part takes several times as long. What another origin
 * shows a page of its headers does not tell whether the length is of these bytes.
 */
async function atOnce(response: Response, most: number): Promise<Uint8Array | null> {
  const { headers, type } = response;
  const length = headers.get("content-length");
  if (length === null || type === "cors" || headers.get("content-encoding") !== null || Number(length) > most)
    return null;
  const body = new Uint8Array(await response.arrayBuffer());
  if (body.length !== Number(length)) throw cutOff(body.length, Number(length));
  return body;
}

async function read(
  stream: ReadableStream<Uint8Array> | null,
  collect: () => Collector,
): Promise<Uint8Array> {
  const reader = stream?.getReader();
  try {
    const parts = collect();
    for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
      parts.add(next.value);
      if (!parts.done) continue;
      if (reader) void drain(reader);
      break;
    }
    return parts.whole();
  } catch (error) {
    reader?.cancel().catch(() => undefined);
    throw error;
  }
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const cancel = () => void reader.cancel().catch(() => undefined);
  const timer = setTimeout(cancel, DRAIN_MS);
  try {
    while (!(await reader.read()).done);
  } catch {
    // The answer is there.
  } finally {
    clearTimeout(timer);
  }
}

/** What an answer over the limit is rejected with. */
export function tooLarge(most: number): ResponseTooLargeError {
  return new ResponseTooLargeError(`The answer has more than ${most} bytes.`);
}

function cutOff(size: number, length: number): Error {
  return new Error(`The answer ended after ${size} of ${length} bytes.`);
}
