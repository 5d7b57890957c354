/** Calls to a server that speaks OpenAI's API: plain `fetch`, small answers, and patience with a server that is away. */

import { setTimeout as sleep } from "node:timers/promises";
import { joinUrl } from "../../hosts/inference/base-url.ts";
import { patientFetch } from "../../hosts/inference/patient-fetch.ts";
import { retryAfterMs } from "../../hosts/inference/retry-after.ts";
import { CannotRun, duration } from "../terminal.ts";
import { type Connection, usualUrl } from "./connection.ts";
import { ApiError, isPassing, Unreachable, unreachable } from "./faults.ts";

/** One call. */
export interface Call {
  method?: "GET" | "POST" | "DELETE";
  /** After the version: `/batches`. */
  path: string;
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
  body?: string | ReadableStream<Uint8Array>;
  /** Time for the answer to begin, and for all of it where it is JSON. */
  timeoutMs?: number;
  /** Ends the call early. */
  signal?: AbortSignal | undefined;
}

/** Largest answer that is read as JSON: a page of a hundred batches, each with its thousand errors, is half of it. */
const mostBytes = 64 << 20;
const timeoutMs = 60_000;
const firstWaitMs = 250;
const longestWaitMs = 15_000;
/** Until a server has answered once, it may be an address that never will. */
const patienceAtFirstMs = 5_000;
/** Trouble that is over sooner is not worth a word. */
const noticeAfterMs = 2_000;

/** A server. */
export class Api {
  readonly connection: Connection;
  readonly #patienceMs: number;
  readonly #note: (text: string) => void;
  readonly #fetch = patientFetch();
  #answered = false;

  /** `note` gets what is worth a line: that the server is away, and that it is back. */
  constructor(connection: Connection, patienceMs: number, note: (text: string) => void) {
    this.connection = connection;
    this.#patienceMs = patienceMs;
    this.#note = note;
  }

  /** One try of a call. Its answer is good. @throws Unreachable, ApiError */
  async open(call: Call): Promise<Response> {
    const { base } = this.connection;
    const control = new AbortController();
    const signal =
      call.signal === undefined ? control.signal : AbortSignal.any([control.signal, call.signal]);
    const timer = setTimeout(() => control.abort(timeout()), call.timeoutMs ?? timeoutMs);
    let response: Response;
    try {
      call.signal?.throwIfAborted();
      response = await this.#follow(call, signal);
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      if (error instanceof CannotRun) throw error;
      throw this.#clean(unreachable(control.signal.aborted ? control.signal.reason : error, base));
    } finally {
      clearTimeout(timer);
    }
    this.#answered ||= response.status < 500;
    if (response.ok) return response;
    const body = await read(response, 10_000).catch(() => new Uint8Array());
    const asked = `${call.method ?? "GET"} ${this.connection.shown}${call.path}`;
    throw this.#clean(new ApiError(response.status, body, asked, retryAfterMs(response.headers)));
  }

  /** One try of a call whose answer is JSON. @throws Unreachable, ApiError, CannotRun */
  async json(call: Call): Promise<unknown> {
    const response = await this.open(call);
    let text: string;
    try {
      text = new TextDecoder().decode(await within(read(response, mostBytes), call.timeoutMs ?? timeoutMs));
    } catch (error) {
      if (error instanceof CannotRun) throw error;
      throw unreachable(error, this.connection.base);
    }
    try {
      return JSON.parse(text);
    } catch {
      const what = /^\s*</.test(text) ? "a web page" : "something else";
      throw new CannotRun(
        `${this.connection.shown}${call.path} answers with ${what} and not with JSON: check --url, which usually ends in /v1`,
      );
    }
  }

  /** A call, again and again while there is hope. */
  call(call: Call): Promise<unknown> {
    return this.retry(() => this.json(call), call.signal);
  }

  /**
   * Does some work, and again after failures that may pass, for as long as patience lasts. `progressed` says that the
   * server does answer.
   */
  async retry<T>(work: (progressed: () => void) => Promise<T>, signal?: AbortSignal): Promise<T> {
    let [since, waitMs, told] = [0, firstWaitMs, false];
    const progressed = () => {
      if (told) this.#note(`the server is back after ${duration((performance.now() - since) / 1_000)}`);
      [since, waitMs, told] = [0, firstWaitMs, false];
    };
    for (;;) {
      try {
        const result = await work(progressed);
        progressed();
        return result;
      } catch (error) {
        if (!isPassing(error)) throw this.#explained(error);
        since ||= performance.now();
        const gone = performance.now() - since;
        const wait = Math.max(waitMs, error instanceof ApiError ? error.retryAfterMs : 0);
        const patience = this.#answered ? this.#patienceMs : Math.min(this.#patienceMs, patienceAtFirstMs);
        if (gone + wait > patience) throw this.#explained(error);
        if (!told && gone + wait >= noticeAfterMs) {
          told = true;
          this.#note(`${error.message}; trying again`);
        }
        await sleep(wait, undefined, { ...(signal !== undefined && { signal }) }).catch(() => {
          throw signal?.reason;
        });
        waitMs = Math.min(waitMs * 2, longestWaitMs);
      }
    }
  }

  /** Nothing at the address that nobody named is most often a server that was not started. */
  #explained(error: unknown): unknown {
    if (!(error instanceof Unreachable) || !this.connection.isDefault) return error;
    const text = `${error.message}. No server was named: --url or EDGEBATCH_URL does, such as https://api.openai.com/v1; ${usualUrl} is where edgebatch serve listens`;
    return new Unreachable(text, false);
  }

  /** Servers repeat what they were sent: no key gets out that way. */
  #clean<E extends Error>(error: E): E {
    const { key, headers } = this.connection;
    const secrets = [key, ...[...headers.values()].filter((value) => value.length >= 8)];
    for (const secret of secrets) if (secret) error.message = error.message.replaceAll(secret, "…");
    return error;
  }

  /** A call is led on within its server, and a download anywhere: to others without the key. */
  async #follow(call: Call, signal: AbortSignal): Promise<Response> {
    const { base, headers: common } = this.connection;
    const { method = "GET", body } = call;
    let url = joinUrl(base, `/v1${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    for (let hops = 0; ; hops++) {
      const headers = new Headers(url.origin === base.origin ? common : {});
      headers.set("accept", "application/json, */*");
      for (const [name, value] of Object.entries(call.headers ?? {})) headers.set(name, value);
      const streamed = body instanceof ReadableStream ? { duplex: "half" as const } : {};
      const init = { method, headers, redirect: "manual", signal, ...streamed } as const;
      const response = await this.#fetch(url, body === undefined ? init : { ...init, body });
      const to = [301, 302, 303, 307, 308].includes(response.status)
        ? response.headers.get("location")
        : null;
      if (to === null) return response;
      response.body?.cancel().catch(() => undefined);
      const next = URL.canParse(to, url.href) ? new URL(to, url.href) : null;
      if (next === null || hops === 5 || method !== "GET" || !/^https?:$/.test(next.protocol)) {
        const where = next === null ? "" : ` to ${next.origin}${next.pathname}`;
        throw new CannotRun(
          `${url.origin} answers with a redirect${where}. If that is right, name the new address by --url`,
        );
      }
      url = next;
    }
  }
}

/** All of an answer, if it is not too large. */
export async function read(response: Response, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    parts.push(part);
    if (size > most) {
      if (most < mostBytes) break;
      throw new CannotRun("the server's answer is too large");
    }
  }
  return Buffer.concat(parts);
}

function timeout(): Error {
  return new DOMException("no answer in time", "TimeoutError");
}

/** @throws a TimeoutError when it takes longer */
export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(timeout()), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
