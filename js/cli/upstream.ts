/** The server of a run: what is in flight, what is worth a notice, and when there is no point in waiting. */

import type { Inference, InferenceRequest, InferenceResponse } from "../core/types.ts";
import { fetchInference } from "../hosts/inference/fetch.ts";
import { duration } from "./terminal.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/** Options of {@link connect}. */
export interface ServerOptions {
  baseUrl: string;
  apiKey?: string;
  headers?: Record<string, string>;
  /** Time for one answer. */
  timeoutMs: number;
  maxResponseBytes?: number;
}

/** @throws TypeError for an address or a key that cannot be used */
export function connect(options: ServerOptions): Inference {
  return fetchInference(options);
}

/** What a run does about its server. */
export interface UpstreamOptions {
  /** How long every call may go wrong before the run stops. */
  patienceMs: number;
  /** Whether to continue where everything is refused. */
  keepTrying: boolean;
  /** A notice for people. */
  onNotice: (text: string) => void;
  /** Awaited before the first answer is passed on. */
  onFirstAnswer: () => Promise<void>;
  /** The run is to stop; {@link Upstream.stopped} says why. */
  onStop: () => void;
}

/** Trouble that is over sooner, once the server has answered, is not worth a notice. */
const noticeAfterMs = 2_000;

/** So many requests in a row, with no answer between, are not refused for what they ask. */
const SEVERAL = 4;

/** A time in which every call goes wrong. */
interface Bad {
  since: number;
  trouble: Trouble;
  refused: boolean;
  /** The requests that went wrong, the first few. */
  requests: Set<string>;
  told: boolean;
  timers: NodeJS.Timeout[];
}

/**
 * Watches the calls of a run. How long to wait for a server in trouble is the core's decision; here it is decided when
 * waiting is pointless.
 */
export class Upstream implements Inference {
  readonly #inner: Inference;
  readonly #options: UpstreamOptions;
  #inFlight = 0;
  #firstAnswer: Promise<void> | undefined;
  /** Since when every call has gone wrong, and how. */
  #bad: Bad | undefined;

  /** Why the run is to stop; null while it is not. */
  stopped: Trouble | null = null;

  constructor(inner: Inference, options: UpstreamOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  async infer(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    this.#inFlight += 1;
    try {
      const response = await this.#inner.infer(request, signal);
      const trouble = troubleOf(request, response);
      if (trouble === null) await this.#hear(response);
      else this.#miss(request, trouble);
      return response;
    } catch (error) {
      // Answers that are too large or too late are of this request.
      const ownFault = ["ResponseTooLargeError", "TimeoutError"].includes((error as Error).name);
      if (!signal.aborted && !ownFault) this.#miss(request, troubleOf(request, error as Error));
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#look();
    }
  }

  /** An answer that shows that the server does its work, or would if it had not too much of it. */
  async #hear({ status }: InferenceResponse): Promise<void> {
    if (this.#bad !== undefined) {
      this.#bad.timers.forEach(clearTimeout);
      if (this.#bad.told)
        this.#options.onNotice(`the server is back after ${duration(this.#badForMs() / 1_000)}`);
      this.#bad = undefined;
    }
    if (status === 429) return;
    this.#firstAnswer ??= this.#options.onFirstAnswer();
    await this.#firstAnswer;
  }

  #miss({ idempotencyKey }: InferenceRequest, trouble: Trouble | null): void {
    if (trouble === null) return;
    if (this.#bad !== undefined) {
      if (this.#bad.requests.size < SEVERAL) this.#bad.requests.add(idempotencyKey);
      this.#bad.trouble = trouble;
      this.#bad.refused &&= trouble.kind === "refused";
      return;
    }
    const { patienceMs } = this.#options;
    const timers = [
      setTimeout(() => this.#tell(), noticeAfterMs),
      setTimeout(() => this.#look(), patienceMs),
    ];
    for (const timer of timers) timer.unref();
    this.#bad = {
      since: performance.now(),
      trouble,
      refused: trouble.kind === "refused",
      requests: new Set([idempotencyKey]),
      told: false,
      timers,
    };
    if (this.#firstAnswer === undefined) this.#tell();
  }

  #tell(): void {
    // What ends the run is reported at its end.
    if (this.#bad === undefined || this.#bad.told || this.#isHopeless()) return;
    this.#bad.told = true;
    this.#options.onNotice(`${this.#bad.trouble.text}; trying again`);
  }

  /** Stops when nothing is in flight that could still go well, and waiting is no use or has been long enough. */
  #look(): void {
    if (this.stopped !== null || this.#bad === undefined || this.#inFlight > 0) return;
    const { trouble, timers, refused } = this.#bad;
    const waits = refused && this.#options.keepTrying;
    if (!this.#isHopeless() && (waits || this.#badForMs() < this.#options.patienceMs)) return;
    timers.forEach(clearTimeout);
    this.stopped = trouble;
    this.#options.onStop();
  }

  /**
   * Nobody is served. Once others were answered, a model that is not there may be that of some requests alone, and what a few
   * requests are refused is their own: the core ends those at the second refusal.
   */
  #isHopeless(): boolean {
    if (this.#bad === undefined || this.#options.keepTrying) return false;
    const { refused, trouble, requests } = this.#bad;
    return refused && (this.#firstAnswer === undefined || (trouble.ofAll && requests.size >= SEVERAL));
  }

  #badForMs(): number {
    return this.#bad === undefined ? 0 : performance.now() - this.#bad.since;
  }
}
