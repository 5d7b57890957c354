/** The server of a run: what is in flight, what is worth a word, and when it is out of reach. */

import { fetchInference } from "../hosts/fetch-inference.ts";
import { patientFetch } from "../hosts/node-fetch.ts";
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
export function connect(options: ServerOptions): Inference {
  return fetchInference({ ...options, fetch: patientFetch() });
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
      // Answers that are too large or too late are of this request; a connection that fails is of all.
      const ownFault = ["ResponseTooLargeError", "TimeoutError"].includes((error as Error).name);
      if (!signal.aborted && !ownFault) this.#miss(error);
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  #hear(request: InferenceRequest, { status }: InferenceResponse): void {
    this.#silence = undefined;
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
    // A call that still waits for its answer has a connection.
    if (this.unreachable !== null || this.#inFlight > 1 || now - this.#silence.since < this.#patienceMs)
      return;
    // Going on would use up the tries of line after line.
    this.unreachable = messageOf(error);
    this.#onUnreachable();
  }
}
