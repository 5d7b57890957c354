/** The server of a run: what is in flight, what is worth a word, and when it is out of reach. */

import { fetchInference } from "../hosts/fetch-inference.ts";
import type { Inference, InferenceRequest, InferenceResponse } from "../types.ts";
import { messageOf } from "./terminal.ts";

/** Options of {@link connect}. */
export interface ServerOptions {
  baseUrl: string;
  apiKey?: string;
  headers?: Record<string, string>;
  /** Time for one answer. */
  timeoutMs: number;
}

/** Answers may take as long as they take: Node's own `fetch` gives up on one after five minutes. */
export async function connect(options: ServerOptions): Promise<Inference> {
  const dispatcher = await patientDispatcher();
  const patient = (input: string | URL | Request, init?: RequestInit) =>
    fetch(input, { ...init, dispatcher } as RequestInit);
  return fetchInference(dispatcher === undefined ? options : { ...options, fetch: patient as typeof fetch });
}

/** A connection pool of the kind that `fetch` uses, without time limits. */
async function patientDispatcher(): Promise<unknown> {
  try {
    await fetch("data:,"); // The pool is made by the first call.
    const shared = (globalThis as Record<symbol, unknown>)[Symbol.for("undici.globalDispatcher.1")];
    const { constructor: Agent } = shared as { constructor: new (options: object) => unknown };
    // With a proxy in the environment it is of another kind: then it is left as it is.
    if (Agent.name !== "Agent") return undefined;
    return new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  } catch {
    return undefined;
  }
}

/** Watches the calls of a run. */
export class Upstream implements Inference {
  readonly #inner: Inference;
  readonly #patienceMs: number;
  readonly #onNotice: (text: string) => void;
  readonly #onUnreachable: () => void;
  #inFlight = 0;
  #answered = false;
  /** Since when every call has failed to connect, and how many did. */
  #silence: { since: number; failures: number } | undefined;

  /** Why the server is out of reach; null while it is not. */
  unreachable: string | null = null;

  constructor(
    inner: Inference,
    options: { patienceMs: number; onNotice: (text: string) => void; onUnreachable: () => void },
  ) {
    this.#inner = inner;
    this.#patienceMs = options.patienceMs;
    this.#onNotice = options.onNotice;
    this.#onUnreachable = options.onUnreachable;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  async infer(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    this.#inFlight += 1;
    try {
      const response = await this.#inner.infer(request, signal);
      this.#hear(request, response);
      return response;
    } catch (error) {
      if (!signal.aborted && (error as Error).name !== "ResponseTooLargeError") this.#miss(error);
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  #hear(request: InferenceRequest, { status }: InferenceResponse): void {
    if (this.#silence !== undefined && this.#silence.failures > 0) this.#silence = undefined;
    if (this.#answered) return;
    this.#answered = true;
    // Said once, of the first answer: more often than not all the others will be the same.
    if (status === 401 || status === 403) this.#onNotice(`the server answers ${status}: is the key right?`);
    if (status === 404 || status === 405) {
      this.#onNotice(`the server answers ${status} to ${request.url}: are --url and the model right?`);
    }
  }

  #miss(error: unknown): void {
    const now = performance.now();
    this.#silence ??= { since: now, failures: 0 };
    this.#silence.failures += 1;
    if (this.#silence.failures === 1) this.#onNotice(`no answer: ${messageOf(error)}; trying again`);
    if (this.unreachable !== null || now - this.#silence.since < this.#patienceMs) return;
    // Going on would use up the tries of line after line.
    this.unreachable = messageOf(error);
    this.#onUnreachable();
  }
}
