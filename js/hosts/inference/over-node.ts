/**
 * An exchange over what Node's `fetch` itself stands on: its dispatcher, which has the connections. A request costs half of
 * what `fetch` makes of it, with its streams, copies and objects of the Web, and leaves half as much to be collected.
 */

import {
  type Collector,
  DRAIN_MS,
  type Exchange,
  type Incoming,
  isRedirect,
  type Outgoing,
  Parts,
  tooLarge,
} from "./exchange.ts";
import { dispatcherOfNode, hasDispatcher } from "./patient-fetch.ts";

/**
 * Null where there is none, and where the process has a `fetch` of its own making, which is to see every request.
 * Connections, proxies and whatever else the process has set for `fetch` stay as they are.
 */
export function overNode(): Exchange | null {
  if (!isNodes(globalThis.fetch) || !hasDispatcher()) return null;
  return (outgoing, stopper) =>
    new Promise((resolve, reject) => {
      const handler = new Answering(outgoing, resolve, reject);
      stopper.stop = (reason) => handler.stop(reason);
      const { url, headers, body } = outgoing;
      const request = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: "POST",
        headers: { "user-agent": "node", ...headers },
        body,
      };
      // The caller has a limit of its own. The process may have changed its dispatcher in between.
      dispatcherOfNode().dispatch({ ...request, headersTimeout: 0, bodyTimeout: 0 }, handler);
    });
}

/** Whether this is the `fetch` that Node came with, rather than one that was put in its place. */
export function isNodes(fetch: typeof globalThis.fetch): boolean {
  return Function.prototype.toString.call(fetch).includes("internal/deps/undici/undici");
}

type RawHeaders = Uint8Array[] | Record<string, string | string[] | undefined>;

interface Controller {
  abort(reason: unknown): void;
}

/** What the dispatcher calls. Versions 6 and 7 of undici know the names of the second half, 7 and later those of the first. */
class Answering {
  readonly #most: number;
  readonly #collect: Outgoing["collect"];
  readonly #resolve: (answer: Incoming) => void;
  readonly #reject: (error: unknown) => void;
  #abort: ((reason: unknown) => void) | undefined;
  #stopped: { reason: unknown } | undefined;
  #status = 0;
  #header: (name: string) => string | null = () => null;
  #parts: Collector | undefined;
  #isDone = false;
  #drain: ReturnType<typeof setTimeout> | undefined;

  constructor(
    { most, collect }: Outgoing,
    resolve: (answer: Incoming) => void,
    reject: (error: unknown) => void,
  ) {
    this.#most = most;
    this.#collect = collect;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    this.#abort?.(reason);
  }

  onRequestStart(controller: Controller): void {
    this.onConnect((reason) => controller.abort(reason));
  }

  onResponseStart(_: Controller, status: number, headers: RawHeaders): void {
    this.#begin(status, headers);
  }

  onResponseData(_: Controller, part: Uint8Array): void {
    this.onData(part);
  }

  onResponseEnd(): void {
    this.onComplete();
  }

  onResponseError(_: Controller, error: unknown): void {
    this.onError(error);
  }

  onConnect(abort: (reason: unknown) => void): void {
    this.#abort = abort;
    if (this.#stopped) abort(this.#stopped.reason);
  }

  onHeaders(status: number, headers: RawHeaders): boolean {
    this.#begin(status, headers);
    return true;
  }

  onData(part: Uint8Array): boolean {
    this.#try(() => {
      this.#parts?.add(part);
      if (this.#parts?.done && !this.#isDone) this.#end();
    });
    return true;
  }

  onComplete(): void {
    clearTimeout(this.#drain);
    if (this.#isDone) return;
    this.#try(() => {
      const body = this.#parts
        ? decoded(this.#parts.whole(), this.#header("content-encoding"), this.#most)
        : none;
      inTurn(() => this.#resolve({ status: this.#status, header: this.#header, body }));
    });
  }

  /** All is there: what follows is read for the sake of the connection, for a while. */
  #end(): void {
    this.#isDone = true;
    this.#resolve({ status: this.#status, header: this.#header, body: this.#parts?.whole() ?? none });
    this.#drain = setTimeout(() => this.stop(new Error("The body went on after its end.")), DRAIN_MS);
  }

  onError(error: unknown): void {
    clearTimeout(this.#drain);
    // As `fetch` says it.
    this.#reject(new TypeError("fetch failed", { cause: error }));
  }

  #begin(status: number, headers: RawHeaders): void {
    // Others may come before it, such as 103.
    if (status < 200) return;
    this.#status = status;
    this.#header = lookup(headers);
    if (isRedirect(status, this.#header)) return;
    this.#try(() => {
      // What is packed is read when it is there.
      const collect = this.#header("content-encoding") === null ? this.#collect : undefined;
      this.#parts = collect?.(status, this.#header) ?? new Parts(this.#header, this.#most);
    });
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#reject(error);
      this.stop(error);
    }
  }
}

const none = new Uint8Array();

/** Answers that are passed on before whatever else the process has to do gets its turn. */
const AT_ONCE = 8;
const waiting: (() => void)[] = [];
let passed = 0;

/**
 * Hundreds of requests that were sent together are answered together, and Node reads them all before anything else: all that
 * follows from them would hold up everyone else for as long. So a few are passed on at a time, in the order they came. The
 * first of them at once: what takes their place is then sent while others are read, and the next answers come less together.
 */
function inTurn(pass: () => void): void {
  if (passed === 0) setImmediate(passSome);
  if (passed < AT_ONCE && waiting.length === 0) {
    passed += 1;
    pass();
  } else {
    waiting.push(pass);
  }
}

/** Each has a turn of the loop's queue to itself, so that all that follows from it is done before the next. */
function passSome(): void {
  const some = waiting.splice(0, AT_ONCE);
  passed = some.length;
  for (const pass of some) setImmediate(pass);
  if (passed > 0) setImmediate(passSome);
}

function lookup(headers: RawHeaders): (name: string) => string | null {
  if (!Array.isArray(headers)) {
    return (name) => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : (value ?? null);
    };
  }
  return (name) => {
    for (let at = 0; at < headers.length; at += 2) {
      if (headers[at]?.length === name.length && text(headers[at]).toLowerCase() === name)
        return text(headers[at + 1]);
    }
    return null;
  };
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? none).toString("latin1");
}

/** Nothing asks for a coding but a header of the user's; some servers use one all the same. */
function decoded(body: Uint8Array, coding: string | null, most: number): Uint8Array {
  if (coding === null || body.length === 0) return body;
  const zlib = process.getBuiltinModule("node:zlib");
  const codings = {
    gzip: zlib.gunzipSync,
    "x-gzip": zlib.gunzipSync,
    deflate: zlib.inflateSync,
    br: zlib.brotliDecompressSync,
  };
  let bytes = body;
  for (const name of coding.toLowerCase().split(",").reverse()) {
    const decode = codings[name.trim() as keyof typeof codings];
    // As `fetch` does: what nobody knows stays as it is.
    if (decode === undefined) return body;
    try {
      bytes = decode(bytes, { maxOutputLength: most });
    } catch (error) {
      throw (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(most) : error;
    }
  }
  return bytes;
}
