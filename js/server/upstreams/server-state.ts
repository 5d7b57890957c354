/** What is known of one model server while the process lives: its calls, its health, its figures. */

import { log, logWarning } from "../log.ts";
import { Health, type Verdict } from "./health.ts";
import { OwnPlaces, type Places } from "./places.ts";
import { TroubleLog } from "./trouble.ts";
import type { CallEnd, CallKind, Histogram, ModelServer, ServerStats } from "./types.ts";

/** A call under way. */
export interface Call {
  readonly kind: CallKind;
  readonly sentAt: number;
  readonly token: object;
}

export class ServerState {
  readonly server: ModelServer;
  readonly health = new Health();
  readonly trouble: TroubleLog;
  readonly places: Places;
  readonly inFlight: Record<CallKind, number> = { batch: 0, interactive: 0 };
  /** Batch requests that wait, and could go here. */
  waiting = 0;
  /** When the last batch request was sent. */
  lastBatchAt = Number.NEGATIVE_INFINITY;
  readonly #outcomes = { batch: new Map<CallEnd, number>(), interactive: new Map<CallEnd, number>() };
  readonly #latency = { batch: new Latency(), interactive: new Latency() };

  readonly #isOnly: boolean;

  /** The only server there is is never left out. */
  constructor(server: ModelServer, isOnly: boolean, placesOf?: (state: ServerState) => Places) {
    this.server = server;
    this.trouble = new TroubleLog(server);
    this.#isOnly = isOnly;
    this.places = placesOf?.(this) ?? new OwnPlaces(server.concurrency);
  }

  /** How full it is. */
  get load(): number {
    return (this.inFlight.batch + this.inFlight.interactive) / this.server.concurrency;
  }

  begin(kind: CallKind, now: number): Call {
    this.inFlight[kind] += 1;
    if (kind === "batch") this.lastBatchAt = now;
    this.places.rose();
    return { kind, sentAt: now, token: this.health.started() };
  }

  /** There is an answer, or there will be none. */
  answered({ kind, sentAt, token }: Call, end: CallEnd, now: number): void {
    const outcomes = this.#outcomes[kind];
    outcomes.set(end, (outcomes.get(end) ?? 0) + 1);
    if (end !== "aborted") this.#latency[kind].add((now - sentAt) / 1_000);
    if (this.#isOnly) return;
    const changed = this.health.ended(token, verdictOf(end), now);
    if (changed === "left out") logWarning("upstream.left_out", { server: this.server.name, reason: end });
    if (changed === "back") log("upstream.back", { server: this.server.name });
  }

  /** Its place is free. */
  leave(kind: CallKind): void {
    this.inFlight[kind] -= 1;
    this.places.fell();
  }

  /** One more waits that could go here. */
  waitsMore(): void {
    this.waiting += 1;
    this.places.rose();
  }

  waitsLess(): void {
    this.waiting -= 1;
  }

  stats(): ServerStats {
    const { server, waiting, health } = this;
    const slots = this.places.stats();
    return {
      ...(slots && { slots }),
      ...{ name: server.name, concurrency: server.concurrency, waiting },
      ...{ inFlight: { ...this.inFlight }, leftOut: health.isLeftOut },
      ...{ outcomes: this.#outcomes, latency: this.#latency },
    };
  }
}

function verdictOf(end: CallEnd): Verdict {
  if (end === "unreachable" || end === 502 || end === 503 || end === 504) return "fails";
  return typeof end === "number" || end === "too_large" ? "works" : "nothing";
}

/** Seconds: from what a cache answers to what a long generation takes. */
const BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

class Latency implements Histogram {
  readonly bounds = BOUNDS;
  readonly counts = new Array<number>(BOUNDS.length + 1).fill(0);
  sum = 0;
  count = 0;

  add(seconds: number): void {
    const found = BOUNDS.findIndex((bound) => seconds <= bound);
    const i = found < 0 ? BOUNDS.length : found;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sum += seconds;
    this.count += 1;
  }
}
