/** What the server knows of model servers, and what it asks of them. */

import type { Inference, InferenceRequest, InferenceResponse, Models } from "../../core/types.ts";
import type { SlotStats } from "./places.ts";

/** One model server, as a platform supplies it. It is called once for each call: it never retries. */
export interface ModelServer {
  readonly name: string;
  /** The models it is asked for; whatever it offers where they are left out. */
  readonly models?: readonly string[] | undefined;
  /** Calls in flight there at once: of all processes together, where they share its slots. */
  readonly concurrency: number;
  /** How long one answer may take. */
  readonly timeoutMs: number;
  /** What must be in no answer: its key, and what its headers hold. */
  readonly secrets?: readonly string[];
  /** One request of a batch, as in {@link Inference.infer}. */
  infer(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse>;
  /** A call to a path such as `/v1/models`, with the server's own key and headers added. Rejects where there is no answer. */
  call(path: string, init: CallInit): Promise<Response>;
}

export interface CallInit {
  method: "GET" | "POST";
  headers: Headers;
  body: Uint8Array | ReadableStream<Uint8Array> | null;
  signal: AbortSignal;
}

/** A model, as `/v1/models` has it. Servers say more than this, which is passed on. */
export interface WireModel {
  id: string;
  object: string;
  created: number;
  owned_by: string;
}

/** The model servers, as routes and runs see them. */
export interface Upstreams {
  /** For the runs of one batch: waits at the gate, and takes its tenant's fair share. */
  inference(tenant: string, batchId: string): Inference;
  /** What batches and calls may name. */
  models(): Models;
  /** What is offered, of all servers: cached. Undefined when no server says what it offers. */
  list(): Promise<WireModel[] | undefined>;
  /** Why the last list was undefined: a sentence for callers. */
  readonly silence: string;
  /** Resolves once the servers have been asked what they offer: before it, what is resumed may go to one that has it not. */
  ready(): Promise<void>;
  /** Sends nothing more of batches: what waits is handed back. Calls are passed on as before. */
  stop(): void;
  /** Whether a call's model has to be known before it is passed on. */
  readonly mustKnowModel: boolean;
  /** Passes one call on, and its answer back. */
  pass(call: PassedCall): Promise<Response>;
  readonly stats: UpstreamStats;
  /**
   * How fast the requests of batches for a model are answered, or those that name none; null where none has been answered yet, or
   * it is not known who would.
   */
  pace(model: string | undefined): Pace | null;
}

/** What a pool of model servers takes and does. */
export interface Pace {
  pool: string;
  /** Mean time of an answer. */
  seconds: number;
  /** Requests in flight at once. */
  concurrency: number;
}

/** A call of a caller that waits for the answer. */
export interface PassedCall {
  path: string;
  tenant: string;
  /** Undefined where it is not known, and need not be. */
  model: string | undefined;
  /** The caller's own: what concerns this server alone is not passed on. */
  headers: Headers;
  body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** Aborts when the caller has gone. */
  signal: AbortSignal;
}

/** Work of batches, or a call that somebody waits for. */
export type CallKind = "batch" | "interactive";

/** A call that is about to be sent. */
export interface CallStart {
  kind: CallKind;
  /** The model server's name. */
  server: string;
  path: string;
  tenant: string;
  batchId?: string;
  idempotencyKey?: string;
  /** The caller's, of an interactive call. */
  headers?: Headers;
}

/** How a call ended: an HTTP status, or why there is none. */
export type CallEnd = number | "unreachable" | "timeout" | "too_large" | "redirect" | "aborted";

/** Watches a call: headers to send with it, and what to do once its answer came, or did not. */
export interface CallWatch {
  headers?: Record<string, string>;
  ended?(end: CallEnd): void;
}

export type OnCall = (call: CallStart) => CallWatch | undefined;

/** Figures of the model servers, for those who watch them. */
export interface UpstreamStats {
  servers(): ServerStats[];
  /** Batch requests that waited too long for a place, and were not sent. */
  notSent(): number;
}

export interface ServerStats {
  name: string;
  concurrency: number;
  /** Slots of this process, where all processes share them. */
  slots?: SlotStats;
  inFlight: Record<CallKind, number>;
  /** Requests of batches that wait for a place at it, or at another one of its pool. */
  waiting: number;
  /** Whether it is left out, as it failed repeatedly. */
  leftOut: boolean;
  /** Ended calls, by kind, and by status or the reason why there is none. */
  outcomes: Record<CallKind, ReadonlyMap<CallEnd, number>>;
  /** Seconds until a batch's whole answer, and until the beginning of an interactive one. */
  latency: Record<CallKind, Histogram>;
}

/** Counts of what is at most each bound; the last count is of what is above all. */
export interface Histogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** Time that never jumps, and timers; tests have their own. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls after so many milliseconds, unless the function that it gives was called before. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, 0x7fffffff));
    // What waits for it keeps a Node process alive, or nothing does. Elsewhere a timer is a number.
    if (typeof timer === "object") timer.unref();
    return () => clearTimeout(timer);
  },
};
