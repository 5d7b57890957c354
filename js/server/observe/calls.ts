/** Calls to model servers, measured and traced, of batches and of those who wait for an answer. */

import type { CallEnd, OnCall } from "../upstreams/types.ts";
import type { Meters } from "./meters.ts";
import { newSpanId, parseTraceparent, type TraceContext, traceOfBatch, traceparent } from "./trace.ts";

/** Requests without a good answer that are remembered, to know a retry when it comes. */
const MOST_REMEMBERED = 100_000;

/** One call in a trace. */
export interface CallSpan {
  readonly context: TraceContext;
  end(how: CallEnd): void;
}

/** What makes spans. */
export interface Tracer {
  /** A call within a batch's trace. */
  call(batch: TraceContext, about: { batchId: string; server: string; path: string }): CallSpan;
  /** A call that is passed on, within its caller's trace if there is one. Null where nothing is added to it. */
  passed(caller: TraceContext | null, about: { server: string; path: string }): CallSpan | null;
  /** A caller that is part of a trace has made a batch. */
  batchCreated(batchId: string, caller: TraceContext): void;
  /** A batch is run here. Said again for each turn. `createdAt` is in Unix seconds. */
  batchRuns(batchId: string, createdAt: number): void;
  batchEnded(batchId: string, status: string | null): void;
  /** Hands on what has not gone out yet. */
  stop(): Promise<void>;
}

/**
 * Keeps no spans: calls have ids of their own in the batch's trace, for the model server and what is behind it. What is passed
 * on has its caller's header, as it came.
 */
export const idsOnly: Tracer = {
  call: (batch) => ({ context: { ...batch, spanId: newSpanId() }, end() {} }),
  passed: () => null,
  batchCreated() {},
  batchRuns() {},
  batchEnded() {},
  async stop() {},
};

/** Watches every call; without meters it is traced alone. */
export function watchedCalls(tracer: Tracer, meters?: Meters): OnCall {
  const retries = meters && new Retries();
  return ({ kind, server, path, batchId, idempotencyKey, headers }) => {
    const meter = meters?.call(server, kind);
    const trace = batchId === undefined ? null : traceOfBatch(batchId);
    const span =
      kind === "interactive"
        ? tracer.passed(parseTraceparent(headers?.get("traceparent")), { server, path })
        : trace && tracer.call(trace, { batchId: batchId as string, server, path });
    const isRetry = idempotencyKey !== undefined && retries?.isOne(idempotencyKey);
    if (isRetry) meters?.retry(server);
    return {
      ...(span && { headers: { traceparent: traceparent(span.context) } }),
      ended(end) {
        meter?.(end);
        span?.end(end);
        if (idempotencyKey !== undefined) retries?.ended(idempotencyKey, end);
      },
    };
  };
}

/** Which requests had no good answer, so that the next call for one is known as a retry. */
class Retries {
  readonly #failing = new Set<string>();

  isOne(key: string): boolean {
    return this.#failing.has(key);
  }

  ended(key: string, end: CallEnd): void {
    if (typeof end === "number" ? end === 429 || end >= 500 : end !== "aborted") this.#failing.add(key);
    else this.#failing.delete(key);
    if (this.#failing.size > MOST_REMEMBERED) {
      this.#failing.delete(this.#failing.values().next().value as string);
    }
  }
}
