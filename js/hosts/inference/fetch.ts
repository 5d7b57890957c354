/** A model server spoken to with `fetch`. */

import { checkNames, type NamesOf } from "../../core/options.ts";
import { defaults } from "../../core/rules.ts";
import { bytesWithoutSecrets, hasSecret, secretsOf, withoutSecrets } from "../../core/secrets.ts";
import type { Inference, InferenceRequest, InferenceResponse } from "../../core/types.ts";
import { joinUrl, parseBaseUrl } from "./base-url.ts";
import { Deadlines } from "./deadlines.ts";
import { type Exchange, type Incoming, isRedirect, overFetch, type Stopper } from "./exchange.ts";
import { overNode } from "./over-node.ts";
import { patientFetch } from "./patient-fetch.ts";
import { retryAfterMs } from "./retry-after.ts";
import { streamed } from "./stream.ts";

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
  /**
   * Asks for chat, completions and responses as streams, and puts them together again: the answer is what it would be in one
   * piece. Proxies see bytes while the model writes, and platforms that count connections until headers come count less.
   * A request that is refused as a stream is sent again as it is, at once.
   * Default false.
   */
  stream?: boolean;
}

const names: NamesOf<FetchInferenceOptions> = {
  baseUrl: true,
  apiKey: true,
  headers: true,
  timeoutMs: true,
  fetch: true,
  maxResponseBytes: true,
  stream: true,
};

/**
 * An {@link Inference} that posts each request to a server that speaks OpenAI's API. One call is one request: it
 * never retries. A 307 or 308 is followed within the same host, so a key goes to `baseUrl` alone. An answer that is an
 * error has `***` where it repeats the key, or the value of a header of yours.
 *
 * Every answer resolves, whatever its status. Rejections are named: `TimeoutError`, `ResponseTooLargeError`,
 * `RedirectError`, the reason of an aborted signal, and otherwise the connection error of `fetch`.
 */
export function fetchInference(options: FetchInferenceOptions): Inference {
  checkNames(options, names, "fetchInference");
  const { timeoutMs = defaults.requestTimeoutMs, maxResponseBytes = defaults.limits.maxResponseBytes } =
    options;
  const base = parseBaseUrl(options.baseUrl);
  const set = new Headers({ "content-type": "application/json", accept: "application/json" });
  if (options.apiKey !== undefined) set.set("authorization", `Bearer ${checkKey(options.apiKey)}`);
  for (const [name, value] of Object.entries(options.headers ?? {})) set.set(name, value);
  const common = Object.fromEntries(set);
  const secrets = secretsOf(options.apiKey, options.headers);
  const exchange = exchangeOver(options.fetch);
  const deadlines = new Deadlines(timeoutMs);
  // A batch has one endpoint, and making a URL takes longer than sending a request.
  let latest = { path: "", url: base };
  const urlOf = (path: string): URL => {
    if (path !== latest.path) latest = { path, url: joinUrl(base, path) };
    return latest.url;
  };

  /** Follows what may be followed. */
  async function ask(request: InferenceRequest, stopper: Stopper): Promise<InferenceResponse> {
    let asked = options.stream ? streamed(request, maxResponseBytes) : null;
    const headers = { ...common, ...request.headers, "idempotency-key": request.idempotencyKey };
    let url = urlOf(request.url);
    for (let hops = 0; ; hops++) {
      const how = { body: asked?.body ?? request.body, collect: asked?.collect };
      const answer = await exchange()({ url, headers, most: maxResponseBytes, ...how }, stopper);
      const { status, header, body } = answer;
      if (status === 0 || isRedirect(status, header)) {
        const next = redirectedTo(answer, url);
        if (next === null || hops === 5 || stopper.stopped) throw redirectError(answer, url, secrets);
        url = next;
        continue;
      }
      if (asked?.isRefused(status, body) && !stopper.stopped) {
        asked = null;
        continue;
      }
      const requestId = header("x-request-id");
      const wait = retryAfterMs({ get: header });
      const whole = asked?.whole(status, body) ?? body;
      return {
        ...{
          status,
          body: secrets.length > 0 && isError(status, whole) ? bytesWithoutSecrets(whole, secrets) : whole,
        },
        ...(requestId !== null && !hasSecret(requestId, secrets) && { requestId }),
        ...(wait !== undefined && { retryAfterMs: wait }),
      };
    }
  }

  return {
    infer(request, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const stopper: Stopper = {};
        // Not by way of the exchange, as not every `fetch` heeds its signal.
        const stop = (reason: unknown): void => {
          end();
          reject(reason);
          stopper.stopped = true;
          stopper.stop?.(reason);
        };
        const onAbort = (): void => stop(signal.reason);
        const expire = (): void => stop(timeoutError(base, timeoutMs));
        const end = (): void => {
          deadlines.remove(expire);
          signal.removeEventListener("abort", onAbort);
        };
        deadlines.add(expire);
        signal.addEventListener("abort", onAbort, { once: true });
        ask(request, stopper).then(
          (answer) => {
            end();
            resolve(answer);
          },
          (error) => {
            end();
            reject(isTimeout(error) ? timeoutError(base, undefined, error) : withCause(error));
          },
        );
      });
    },
  };
}

/** By its status, or by how it begins: some servers have errors in a 200, and all have in streams. */
function isError(status: number, body: Uint8Array): boolean {
  if (status < 200 || status > 299) return true;
  return /^\s*\{\s*"error"/.test(new TextDecoder().decode(body.subarray(0, 32)));
}

/** How to get an exchange: over the `fetch` that was given, or over what the process has now. */
function exchangeOver(given: typeof globalThis.fetch | undefined): () => Exchange {
  if (given !== undefined) {
    const exchange = overFetch(given);
    return () => exchange;
  }
  let over = globalThis.fetch;
  const make = () => overNode() ?? overFetch(patientFetch());
  let exchange = make();
  return () => {
    if (over !== globalThis.fetch) {
      over = globalThis.fetch;
      exchange = make();
    }
    return exchange;
  };
}

/** A redirect to another server, or one that would not send the request again as it is. */
export class RedirectError extends Error {
  override name = "RedirectError";
}

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

/** Where a request may be sent again, with body and key: to the same server, or to the same one by https. */
function redirectedTo({ status, header }: Incoming, from: URL): URL | null {
  const location = header("location") ?? "";
  if ((status !== 307 && status !== 308) || !URL.canParse(location, from)) return null;
  const to = new URL(location, from);
  const secured = from.protocol === "http:" && to.protocol === "https:" && from.hostname === to.hostname;
  return (to.origin === from.origin || secured) && to.username === "" && to.password === "" ? to : null;
}

function redirectError({ status, header }: Incoming, from: URL, secrets: string[]): RedirectError {
  const location = header("location");
  const to = location !== null && URL.canParse(location, from) ? new URL(location, from).href : location;
  const where = to === null ? "with a redirect" : `${status}, a redirect to ${to}`;
  const message = `${from.origin} answered ${where}. If that is right, make it the base URL.`;
  return new RedirectError(withoutSecrets(message, secrets));
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
