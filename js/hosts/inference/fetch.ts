/** A model server spoken to with `fetch`. */

import { concat } from "../../core/bytes.ts";
import { checkNames, type NamesOf } from "../../core/options.ts";
import { defaults } from "../../core/rules.ts";
import type { Inference, InferenceRequest, InferenceResponse } from "../../core/types.ts";
import { joinUrl, parseBaseUrl } from "./base-url.ts";
import { patientFetch } from "./patient-fetch.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Options of {@link fetchInference}. */
export interface FetchInferenceOptions {
  /**
   * The server, as OpenAI's SDKs take it: `http://localhost:8000/v1`, `https://host/v1beta/openai/`. A bare host has
   * its API under `/v1`. A query in it is sent with every request.
   */
  baseUrl: string;
  /** Sent as `authorization: Bearer …`. */
  apiKey?: string | undefined;
  /** Further headers. They win over `authorization` and `content-type`, not over `idempotency-key`. */
  headers?: Record<string, string>;
  /** Time for one answer, headers and body together. Default 600,000; `Infinity` for none. */
  timeoutMs?: number;
  /** Default: the runtime's, with no time limit but `timeoutMs`. */
  fetch?: typeof globalThis.fetch;
  /** Largest answer, in bytes. Default 8,388,608. */
  maxResponseBytes?: number;
}

const names: NamesOf<FetchInferenceOptions> = {
  baseUrl: true,
  apiKey: true,
  headers: true,
  timeoutMs: true,
  fetch: true,
  maxResponseBytes: true,
};

/**
 * An {@link Inference} that posts each request to a server that speaks OpenAI's API. One call is one request: it
 * never retries. A 307 or 308 is followed within the same host, so a key goes to `baseUrl` alone.
 *
 * Every answer resolves, whatever its status. Rejections are named: `TimeoutError`, `ResponseTooLargeError`,
 * `RedirectError`, the reason of an aborted signal, and otherwise the connection error of `fetch`.
 */
export function fetchInference(options: FetchInferenceOptions): Inference {
  checkNames(options, names, "fetchInference");
  const {
    timeoutMs = defaults.requestTimeoutMs,
    maxResponseBytes = defaults.limits.maxResponseBytes,
    fetch = patientFetch(),
  } = options;
  const base = parseBaseUrl(options.baseUrl);
  const common = new Headers({ "content-type": "application/json", accept: "application/json" });
  if (options.apiKey !== undefined) common.set("authorization", `Bearer ${checkKey(options.apiKey)}`);
  for (const [name, value] of Object.entries(options.headers ?? {})) common.set(name, value);

  async function post(request: InferenceRequest, signal: AbortSignal): Promise<Response> {
    const headers = new Headers(common);
    headers.set("idempotency-key", request.idempotencyKey);
    let url = joinUrl(base, request.url);
    for (let hops = 0; ; hops++) {
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: request.body as Uint8Array<ArrayBuffer>,
        redirect: "manual",
        signal,
      });
      if (!isRedirect(response)) return response;
      response.body?.cancel().catch(() => undefined);
      const next = redirectedTo(response, url);
      if (next === null || hops === 5) throw redirectError(response, url);
      url = next;
    }
  }

  async function ask(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    const response = await post(request, signal);
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
        throw isTimeout(error) ? timeoutError(base, undefined, error) : withCause(error);
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

/** A redirect to another server, or one that would not send the request again as it is. */
export class RedirectError extends Error {
  override name = "RedirectError";
}

/** Timers count in 32 bits: beyond it they would fire at once. */
const MAX_TIMER = 0x7fffffff;

/** @throws TypeError for a key that no header can carry, without saying it */
export function checkKey(key: string): string {
  const place = [...key].findIndex((char) => !/[\t\x20-\x7e\x80-\xff]/.test(char));
  if (place < 0) return key;
  const code = ([...key][place] as string).codePointAt(0) as number;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  throw new TypeError(
    `The API key holds a character that no header may hold, at position ${place + 1} (${name}).`,
  );
}

function isRedirect({ type, status, headers }: Response): boolean {
  return type === "opaqueredirect" || ([301, 302, 303, 307, 308].includes(status) && headers.has("location"));
}

/** Where a request may be sent again, with body and key: to the same server, or to the same one by https. */
function redirectedTo({ status, headers }: Response, from: URL): URL | null {
  const location = headers.get("location") ?? "";
  if ((status !== 307 && status !== 308) || !URL.canParse(location, from)) return null;
  const to = new URL(location, from);
  const secured = from.protocol === "http:" && to.protocol === "https:" && from.hostname === to.hostname;
  return (to.origin === from.origin || secured) && to.username === "" && to.password === "" ? to : null;
}

function redirectError({ status, headers }: Response, from: URL): RedirectError {
  const location = headers.get("location");
  const to = location !== null && URL.canParse(location, from) ? new URL(location, from).href : location;
  const where = to === null ? "with a redirect" : `${status}, a redirect to ${to}`;
  return new RedirectError(`${from.origin} answered ${where}. If that is right, make it the base URL.`);
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
  return parts.length === 1 ? (parts[0] as Uint8Array) : concat(parts);
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

/** Node calls every failure "fetch failed", and says why in the cause alone, which gets lost where only texts are kept. */
function withCause(error: unknown): unknown {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  const why = cause?.message || cause?.code;
  if (!(error instanceof TypeError) || !why || error.message.includes(why)) return error;
  return new TypeError(`${error.message}: ${why}`, { cause });
}

/** Node's fetch has time limits of its own, and calls them a failed fetch. That of connecting is no time of an answer. */
function isTimeout(error: unknown): boolean {
  const { cause, name } = error as { cause?: { code?: string }; name?: string };
  return name === "TimeoutError" || /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(cause?.code ?? "");
}
