/** One call of S3's API: signed, within a time, and asked again where the server says so. */

import { text } from "./xml.ts";

/** What is used of the `AwsClient` of the library `aws4fetch`. */
export interface S3Signer {
  sign(
    url: string,
    init: { method: string; headers?: Record<string, string>; body?: ArrayBuffer | string },
  ): Promise<Request>;
}

/** An answer that is none of those that were to be expected. */
export class S3Error extends Error {
  override name = "S3Error";
  readonly status: number;
  /** S3's name for it, such as `AccessDenied`. */
  readonly code: string | undefined;

  constructor(what: string, status: number, code: string | undefined, message: string | undefined) {
    super(`S3 refused ${what}: ${[status, code, message].filter((part) => part !== undefined).join(" ")}`);
    this.status = status;
    this.code = code;
  }
}

/**
 * Tries of one call. S3 answers 503 to be asked again, and drops connections as it pleases; whoever sends a file cannot send a
 * part of it again, so that it must be done here.
 */
const TRIES = 4;
const FIRST_PAUSE_MS = 100;

export interface Call {
  method: string;
  /** Path below the bucket, as it stands in an address. */
  path: string;
  query?: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  /** For errors. */
  what: string;
  /** Statuses that are answers. Whatever else comes is an error. */
  expected: number[];
}

export class S3Calls {
  readonly #url: string;
  readonly #signer: S3Signer;
  readonly #timeoutMs: number;

  /** `url` is the bucket's. */
  constructor(url: string, signer: S3Signer, timeoutMs: number) {
    this.#url = url.replace(/\/+$/, "");
    this.#signer = signer;
    this.#timeoutMs = timeoutMs;
  }

  /** An answer with its bytes, which are few. */
  async whole(call: Call): Promise<{ status: number; headers: Headers; bytes: Uint8Array; tries: number }> {
    return this.#tried(call, async (response, tries) => {
      const bytes = new Uint8Array(await response.arrayBuffer());
      return { status: response.status, headers: response.headers, bytes, tries };
    });
  }

  /** An answer whose bytes come as they are read, however slowly that is done. Its body must be read, or cancelled. */
  async stream(call: Call): Promise<{ status: number; headers: Headers; body: ReadableStream<Uint8Array> }> {
    const { status, headers, body } = await this.#tried(call, async (response) => response);
    return { status, headers, body: body ? inTime(body, call.what, this.#timeoutMs) : new Blob([]).stream() };
  }

  async #tried<T>(call: Call, take: (response: Response, tries: number) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(call, (response) => take(response, tries));
      } catch (error) {
        const passes = !(error instanceof S3Error) || error.status >= 500 || error.status === 429;
        if (!passes || tries === TRIES) throw error;
      }
      const most = FIRST_PAUSE_MS * 4 ** (tries - 1);
      await new Promise((resolve) => setTimeout(resolve, most * (0.5 + Math.random() / 2)));
    }
  }

  async #once<T>(call: Call, take: (response: Response) => Promise<T>): Promise<T> {
    const { method, headers, body, what } = call;
    const url = `${this.#url}/${call.path}${call.query ? `?${call.query}` : ""}`;
    const request = await this.#signer.sign(url, {
      method,
      ...(headers && { headers }),
      ...(body && { body: typeof body === "string" ? body : buffer(body) }),
    });
    const abort = new AbortController();
    const late = () => abort.abort(new Error(`S3 gave no answer to ${what} in ${this.#timeoutMs} ms`));
    const timer = setTimeout(late, this.#timeoutMs);
    try {
      const response = await fetch(request, { signal: abort.signal });
      if (call.expected.includes(response.status)) return await take(response);
      const xml = (await response.text()).slice(0, 10_000);
      throw new S3Error(what, response.status, text(xml, "Code"), text(xml, "Message"));
    } catch (error) {
      if (error instanceof S3Error || abort.signal.aborted) throw error;
      const { message, cause } = error as Error;
      const why = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message;
      throw new Error(`S3 cannot be reached for ${what}: ${why}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** These bytes and no others: a copy only where they are a part of something else. */
function buffer(bytes: Uint8Array): ArrayBuffer {
  const isWhole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
  return isWhole ? (bytes.buffer as ArrayBuffer) : new Uint8Array(bytes).buffer;
}

/** The same, that fails where a piece is waited for in vain. */
function inTime(
  body: ReadableStream<Uint8Array>,
  what: string,
  timeoutMs: number,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(control) {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise<never>((_, fail) => {
          const message = `S3 stopped in the middle of ${what}: nothing came in ${timeoutMs} ms`;
          timer = setTimeout(() => fail(new Error(message)), timeoutMs);
        });
        try {
          const { done, value } = await Promise.race([reader.read(), late]);
          if (done) control.close();
          else control.enqueue(value);
        } catch (error) {
          void reader.cancel().catch(() => undefined);
          throw error;
        } finally {
          clearTimeout(timer);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
