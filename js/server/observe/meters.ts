/** What the server measures of itself. No label says whose: names of tenants stay out of it, and values are few. */

import { isTerminal } from "../../core/rules.ts";
import type { BatchStatus } from "../../core/types.ts";
import type { CallEnd, CallKind, UpstreamStats } from "../upstreams/types.ts";
import { Registry } from "./registry.ts";

/** Up to ten minutes, which is how long an answer may take. */
const LATENCY_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const DURATION_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

export class Meters {
  readonly registry = new Registry();
  readonly #batches = this.registry.gauge("edgebatch_batches", "Batches that have not ended, by status.");
  readonly #ended = this.registry.counter(
    "edgebatch_batches_ended_total",
    "Batches that have ended since the start, by how.",
  );
  readonly #queueAge = this.registry.gauge(
    "edgebatch_queue_age_seconds",
    "Age of the oldest batch whose requests have not begun; 0 when there is none.",
  );
  readonly #requests = this.registry.counter(
    "edgebatch_requests_total",
    "Requests of batches that are done with since the start, by outcome.",
  );
  readonly #inFlight = this.registry.gauge(
    "edgebatch_upstream_in_flight",
    "Calls to a model server that are under way.",
  );
  readonly #waiting = this.registry.gauge(
    "edgebatch_upstream_waiting",
    "Requests of batches that wait for a place at a model server, or at another one that has the model.",
  );
  readonly #slotsHeld = this.registry.gauge(
    "edgebatch_upstream_slots_held",
    "Places at a model server that this machine holds, where machines share them.",
  );
  readonly #slotsWanted = this.registry.gauge(
    "edgebatch_upstream_slots_wanted",
    "Places at a model server that this machine would use, where machines share them.",
  );
  readonly #leftOut = this.registry.gauge(
    "edgebatch_upstream_left_out",
    "1 while a model server is asked for nothing, as it failed again and again.",
  );
  readonly #calls = this.registry.counter(
    "edgebatch_upstream_calls_total",
    "Calls to a model server that are over, by class of the status, or why there is none.",
  );
  readonly #retries = this.registry.counter(
    "edgebatch_upstream_retries_total",
    "Calls that repeat a request which had no good answer.",
  );
  readonly #notSent = this.registry.counted(
    "edgebatch_upstream_not_sent_total",
    "Requests of batches that waited too long for a place, and came again.",
  );
  readonly #latency = this.registry.histogram(
    "edgebatch_upstream_latency_seconds",
    "Time from a call to the whole answer, or to the beginning of one that is passed on.",
    LATENCY_S,
  );
  readonly #http = this.registry.counter(
    "edgebatch_http_requests_total",
    "HTTP requests that were answered, by method, route and status.",
  );
  readonly #httpDuration = this.registry.histogram(
    "edgebatch_http_request_duration_seconds",
    "Time from an HTTP request's headers to the end of its answer.",
    DURATION_S,
  );
  readonly #limited = this.registry.counter(
    "edgebatch_http_rate_limited_total",
    "HTTP requests that were refused with 429.",
  );

  constructor() {
    for (const [status, isEnd] of Object.entries(isTerminal)) {
      if (isEnd) this.#ended.inc({ status }, 0);
      else this.#batches.set(0, { status });
    }
    for (const outcome of ["completed", "failed", "expired", "cancelled"]) this.#requests.inc({ outcome }, 0);
    this.#limited.inc({}, 0);
  }

  /** A batch is in another status, or new (`before` is null), or over. */
  batchMoved(before: BatchStatus | null, after: BatchStatus): void {
    if (before !== null) this.#batches.inc({ status: before }, -1);
    if (isTerminal[after]) this.#ended.inc({ status: after });
    else this.#batches.inc({ status: after });
  }

  /** A batch of this status is another process's from now on. */
  batchLeft(status: BatchStatus): void {
    this.#batches.inc({ status }, -1);
  }

  requestsDone(outcome: "completed" | "failed" | "expired" | "cancelled", count: number): void {
    if (count > 0) this.#requests.inc({ outcome }, count);
  }

  queueAge(seconds: number): void {
    this.#queueAge.set(seconds);
  }

  /** A call begins; what this gives is told of its end. */
  call(server: string, kind: CallKind): (end: CallEnd) => void {
    const started = performance.now();
    return (end) => {
      const status = typeof end === "number" ? classOf(end) : end;
      this.#calls.inc({ server, kind, status });
      if (end !== "aborted") this.#latency.observe((performance.now() - started) / 1_000, { server, kind });
    };
  }

  retry(server: string): void {
    this.#retries.inc({ server });
  }

  /** Reads the rest of what there is to know of model servers when it is asked for. */
  watchUpstreams(stats: UpstreamStats): void {
    this.registry.reading(() => {
      for (const { name: server, inFlight, waiting, leftOut, slots } of stats.servers()) {
        for (const [kind, count] of Object.entries(inFlight)) this.#inFlight.set(count, { server, kind });
        this.#waiting.set(waiting, { server });
        if (slots) {
          this.#slotsHeld.set(slots.held, { server });
          this.#slotsWanted.set(slots.wanted, { server });
        }
        this.#leftOut.set(leftOut ? 1 : 0, { server });
      }
      this.#notSent.set(stats.notSent());
    });
  }

  http(call: { method: string; route: string; status: number; seconds: number }): void {
    const { route, status, seconds } = call;
    const method = METHODS.includes(call.method) ? call.method : "other";
    this.#http.inc({ method, route, status: String(status) });
    this.#httpDuration.observe(seconds, { route });
    if (status === 429) this.#limited.inc();
  }
}

const METHODS = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"];

function classOf(status: number): string {
  return status === 429 ? "429" : `${Math.floor(status / 100)}xx`;
}
