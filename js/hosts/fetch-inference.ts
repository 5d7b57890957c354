/** A model server spoken to with `fetch`. */

import type { Inference, InferenceRequest, InferenceResponse } from "../types.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Options of {@link fetchInference}. */
export interface FetchInferenceOptions {
  /** The server, with or without a trailing `/` or `/v1`. A query in it is sent with every request. */
  baseUrl: string;
  /** Sent as `authorization: Bearer …`. */
  apiKey?: string | undefined;
  /** Further headers. They win over `authorization` and `content-type`, not over `idempotency-key`. */
  headers?: Record<string, string>;
  /** Time for one answer, headers and body together. Default 600,000; `Infinity` for none. */
  timeoutMs?: number;
  /** Default `globalThis.fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Largest answer, in bytes. Default 8 MiB. */
  maxResponseBytes?: number;
}

/**
 * An {@link Inference} that posts each request to a server that speaks OpenAI's API. One call is one request: it
 * never retries, and follows no redirect (whose status is the answer), so a key goes to `baseUrl` alone.
 *
 * Every answer resolves, whatever its status. Rejections are named: `TimeoutError`, `ResponseTooLargeError`, the
 * reason of an aborted signal, and otherwise the connection error of `fetch`.
 */
export function fetchInference(options: FetchInferenceOptions): Inference {
  const { timeoutMs = 600_000, maxResponseBytes = 8 * 1024 * 1024, fetch = globalThis.fetch } = options;
  const base = parseBase(options.baseUrl);
  const common = new Headers({ "content-type": "application/json", accept: "application/json" });
  if (options.apiKey !== undefined) common.set("authorization", `Bearer ${options.apiKey}`);
  for (const [name, value] of Object.entries(options.headers ?? {})) common.set(name, value);

  async function ask(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    const headers = new Headers(common);
    headers.set("idempotency-key", request.idempotencyKey);
    const response = await fetch(join(base, request.url), {
      method: "POST",
      headers,
      body: request.body as Uint8Array<ArrayBuffer>,
      redirect: "manual",
      signal,
    });
    if (response.type === "opaqueredirect") throw new Error(`${base.origin} answered with a redirect.`);
    const requestId = response.headers.get("x-request-id");
    const wait = retryAfterMs(response.headers);
    return {
      status: response.status,
      body: await readBody(response, maxResponseBytes),
      ...(requestId !== null && { requestId }),
      ...(wait !== undefined && { retryAfterMs: wait }),
    };
  }

  return {
    async infer(request, signal) {
      signal.throwIfAborted();
      const control = new AbortController();
      const stopped = new Promise<never>((_, reject) => {
        control.signal.addEventListener("abort", () => reject(control.signal.reason), { once: true });
      });
      const onAbort = (): void => control.abort(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const timer = Number.isFinite(timeoutMs)
        ? setTimeout(() => control.abort(timeoutError(base, timeoutMs)), Math.min(timeoutMs, MAX_TIMER))
        : undefined;
      try {
        // A race, as not every `fetch` heeds its signal.
        return await Promise.race([ask(request, control.signal), stopped]);
      } catch (error) {
        if (control.signal.aborted) throw control.signal.reason;
        throw isTimeout(error) ? timeoutError(base, undefined, error) : error;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}

/** An answer over `maxResponseBytes`. */
export class ResponseTooLargeError extends Error {
  override name = "ResponseTooLargeError";
}

/** Timers count in 32 bits: beyond it they would fire at once. */
const MAX_TIMER = 0x7fffffff;

function parseBase(text: string): URL {
  const base = new URL(text);
  if (base.protocol !== "http:" && base.protocol !== "https:") {
    throw new TypeError(`baseUrl must start with http:// or https://, but is '${text}'.`);
  }
  if (base.username !== "" || base.password !== "") {
    throw new TypeError("baseUrl must carry no user name or password; use apiKey or headers.");
  }
  base.hash = "";
  base.pathname = base.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  return base;
}

/** The path is set, never parsed: no `url` can lead to another server. */
function join(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = base.pathname.replace(/\/+$/, "") + (path.startsWith("/") ? path : `/${path}`);
  return url;
}

async function readBody(response: Response, most: number): Promise<Uint8Array> {
  const length = response.headers.get("content-length");
  if (Number(length) > most) {
    response.body?.cancel().catch(() => undefined);
    throw tooLarge(most);
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    size += next.value.length;
    if (size > most) {
      reader?.cancel().catch(() => undefined);
      throw tooLarge(most);
    }
    parts.push(next.value);
  }
  // Most runtimes notice by themselves.
  if (length !== null && !response.headers.has("content-encoding") && size !== Number(length)) {
    throw new Error(`The answer ended after ${size} of ${length} bytes.`);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : concat(parts, size);
}

function concat(parts: Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function tooLarge(most: number): ResponseTooLargeError {
  return new ResponseTooLargeError(`The answer has more than ${most} bytes.`);
}

function timeoutError(base: URL, ms: number | undefined, cause?: unknown): Error {
  const time = ms === undefined ? "in time" : `within ${ms} ms`;
  const error = new Error(`${base.origin} gave no whole answer ${time}.`, { cause });
  error.name = "TimeoutError";
  return error;
}

/** Node's fetch has time limits of its own, and calls them a failed fetch. That of connecting is no time of an answer. */
function isTimeout(error: unknown): boolean {
  const { cause, name } = error as { cause?: { code?: string }; name?: string };
  return name === "TimeoutError" || /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(cause?.code ?? "");
}
