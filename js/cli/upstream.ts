/** The server of a run: what is in flight, what is worth a word, and when it is no use to go on. */

import { fetchInference } from "../hosts/fetch-inference.ts";
import type { Inference, InferenceRequest, InferenceResponse } from "../types.ts";
import { clock, duration } from "./terminal.ts";
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
  /** Whether a refusal is the answer to its request, even where everything is refused. */
  acceptRefusals: boolean;
  /** A word for people. */
  onNotice: (text: string) => void;
  /** Waited for before the first answer is handed on. */
  onFirstAnswer: () => Promise<void>;
  /** The run is to stop; {@link Upstream.stopped} says why. */
  onStop: () => void;
}

/** A wait that people should know of. */
const longWaitMs = 5_000;
/** Refusals in a row that may be those of their requests, once others were answered. */
const mostStrikes = 3;

/** Watches the calls of a run. */
export class Upstream implements Inference {
  readonly #inner: Inference;
  readonly #options: UpstreamOptions;
  #inFlight = 0;
  #firstAnswer: Promise<void> | undefined;
  /** Since when every call has gone wrong. */
  #down: { since: number; trouble: Trouble; timer: NodeJS.Timeout } | undefined;
  #wait: { until: number; why: string } | undefined;
  /** Refused calls, held back until it is known whether everything is refused. */
  #held: { trouble: Trouble; release: () => void }[] = [];
  #strikes = 0;

  /** Why the run is to stop; null while it is not. */
  stopped: Trouble | null = null;

  constructor(inner: Inference, options: UpstreamOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** What the run waits for, in a few words; null while nothing is wrong. */
  trouble(): string | null {
    if (this.#wait !== undefined && this.#wait.until > Date.now() && this.#inFlight === 0) {
      return `waiting until ${clock(this.#wait.until)} (${this.#wait.why})`;
    }
    if (this.#down === undefined) return null;
    return `server down for ${duration(this.#downFor() / 1_000)} (${this.#down.trouble.brief})`;
  }

  async infer(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    this.#inFlight += 1;
    try {
      const response = await this.#inner.infer(request, signal);
      await this.#judge(troubleOf(request, response), signal, response);
      return response;
    } catch (error) {
      // Answers that are too large or too late are of this request.
      const ownFault = ["ResponseTooLargeError", "TimeoutError"].includes((error as Error).name);
      if (!signal.aborted && !ownFault) await this.#judge(troubleOf(request, error as Error), signal);
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#look();
    }
  }

  async #judge(trouble: Trouble | null, signal: AbortSignal, response?: InferenceResponse): Promise<void> {
    this.#noteWait(response);
    if (trouble?.kind === "down") this.#miss(trouble);
    else if (trouble?.kind === "refused" && !this.#options.acceptRefusals) await this.#hold(trouble, signal);
    else await this.#hear(response);
  }

  /** An answer that shows that the server does its work, or would if it had not too much of it. */
  async #hear(response: InferenceResponse | undefined): Promise<void> {
    if (this.#down !== undefined) {
      clearTimeout(this.#down.timer);
      const seconds = this.#downFor() / 1_000;
      this.#down = undefined;
      if (seconds >= 2) this.#options.onNotice(`the server is back after ${duration(seconds)}`);
    }
    this.#strikes = 0;
    for (const { release } of this.#held.splice(0)) release();
    if (response === undefined || response.status === 429) return;
    this.#wait = undefined;
    this.#firstAnswer ??= this.#options.onFirstAnswer();
    await this.#firstAnswer;
  }

  #miss(trouble: Trouble): void {
    if (this.#down !== undefined) {
      this.#down.trouble = trouble;
      return;
    }
    this.#options.onNotice(`${trouble.text}; trying again`);
    const timer = setTimeout(() => this.#look(), this.#options.patienceMs).unref();
    this.#down = { since: performance.now(), trouble, timer };
  }

  /** Resolves when the refusal turns out to be that of its request; never when everything is refused. */
  async #hold(trouble: Trouble, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#held.push({ trouble, release: resolve });
      signal.addEventListener("abort", () => resolve(), { once: true });
      this.#look();
    });
  }

  /** Whether to stop: nothing is in flight that could still go well. */
  #look(): void {
    if (this.stopped !== null) return;
    const refused = this.#held.at(-1)?.trouble;
    if (refused !== undefined && this.#inFlight <= this.#held.length) {
      this.#strikes += this.#held.length;
      // Once others were answered, a model that is not there may be that of some requests alone.
      if (refused.ofAll || this.#firstAnswer === undefined || this.#strikes >= mostStrikes) this.#stop(refused);
      else for (const { release } of this.#held.splice(0)) release();
    } else if (this.#down !== undefined && this.#inFlight === 0 && this.#downFor() >= this.#options.patienceMs) {
      this.#stop(this.#down.trouble);
    }
  }

  #stop(trouble: Trouble): void {
    clearTimeout(this.#down?.timer);
    this.stopped = trouble;
    this.#options.onStop();
  }

  #noteWait(response: InferenceResponse | undefined): void {
    const ms = response?.retryAfterMs ?? 0;
    const until = Date.now() + ms;
    if (response === undefined || ms < longWaitMs || until < (this.#wait?.until ?? 0) + longWaitMs) return;
    this.#wait = { until, why: `${response.status}, as the server asks` };
    this.#options.onNotice(
      `the server answers ${response.status} and asks to wait ${duration(ms / 1_000)}, until ${clock(until)}`,
    );
  }

  #downFor(): number {
    return this.#down === undefined ? 0 : performance.now() - this.#down.since;
  }
}
