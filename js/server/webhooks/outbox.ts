/**
 * What is told to webhook endpoints. The end of a batch leaves an event in the same write; here it becomes one delivery for each
 * endpoint that wants it, which stays until the endpoint has taken it, or for three days. All of it is in the tenant's store:
 * whatever is killed, and whenever, each event comes at least once.
 */

import { isTerminal } from "../../core/rules.ts";
import type { KV, KVOp } from "../../core/types.ts";
import { atTime, BATCH, deliveries, ENDPOINTS_GONE, EVENT, ofTime } from "../keys.ts";
import { log, logWarning } from "../log.ts";
import { change, decoded, encoded } from "../tenant/change.ts";
import { published } from "../tenant/waits.ts";
import { deliver, isTaken, isTrouble, type Sending } from "./delivery.ts";
import { allOf, type Endpoints } from "./endpoints.ts";
import type { Endpoint } from "./types.ts";

/** How long an event is tried, in seconds. */
const LIFE_SECONDS = 72 * 3600;
/** The first pause after a failure, and the longest; each is twice the one before. */
const FIRST_PAUSE_SECONDS = 5;
const MOST_PAUSE_SECONDS = 3600;
/** What was being sent when the process died is sent again after so long: longer than a try takes, and than a minute. */
const CLAIM_SECONDS = 90;
/** What is sent at once: by a tenant, and to one endpoint. Of a Durable Object six connections may wait for headers. */
const MOST_SENDING = 4;
const MOST_TO_ENDPOINT = 2;
/** Events and deliveries that are read, or thrown away, at once. */
const PAGE = 100;

/** An event that waits for an endpoint. */
interface Delivery {
  event: string;
  type: string;
  batch: string;
  /** What is sent, as the core wrote it. */
  body: string;
  /** Tries that have begun. */
  tries: number;
  /** When it became one. */
  since: number;
}

/** What is known of an endpoint while the service lives. */
interface Lane {
  sending: number;
  /** Failures in a row that were the endpoint's, and until when it is left alone for them. */
  failures: number;
  until: number;
}

export interface OutboxOptions {
  tenant: string;
  kv: KV;
  endpoints: Endpoints;
  sending: Sending;
  /** Whether the tenant has no key: then nothing is sent. */
  isHeld(): boolean;
  /** `run` is to be called at this time, in Unix milliseconds, if not before. */
  wakeAt(time: number): Promise<void>;
  background(work: Promise<unknown>): void;
  /** Unix seconds. */
  now(): number;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #lanes = new Map<string, Lane>();
  #sending = 0;
  #running: Promise<void> | undefined;
  #runAgain = false;
  #stopped = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Starts what is due, and has itself woken for the rest. One at a time; a call during another makes it look again. */
  run(): Promise<void> {
    this.#runAgain = true;
    this.#running ??= this.#runAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Nothing more is sent. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * What a turn is to write, without the event that was written before: the end of a batch may be written again after a crash.
   * Its event came with the first time, and may be told already.
   */
  async untold(batchId: string, ops: KVOp[]): Promise<KVOp[]> {
    if (!ops.some(isEvent)) return ops;
    const record = await this.#options.kv.get(BATCH + batchId);
    const status = record && published(record)?.status;
    return status && isTerminal[status] ? ops.filter((op) => !isEvent(op)) : ops;
  }

  /** A turn has written this. */
  notice(ops: KVOp[]): void {
    if (ops.some(isEvent)) this.#options.background(this.run());
  }

  async #runAll(): Promise<void> {
    while (this.#runAgain) {
      this.#runAgain = false;
      if (this.#stopped || this.#options.isHeld()) return;
      await this.#takeEvents();
      await this.#throwAway();
      const all = await this.#options.endpoints.all();
      this.#forgetLanes(all);
      let next = Number.POSITIVE_INFINITY;
      for (const endpoint of all) next = Math.min(next, await this.#start(endpoint));
      // Not more often than each second, however many wait.
      const soonest = this.#options.now() + 1;
      if (Number.isFinite(next)) await this.#options.wakeAt(Math.max(next, soonest) * 1000);
    }
  }

  /** Makes deliveries of events. */
  async #takeEvents(): Promise<void> {
    const { kv } = this.#options;
    for (;;) {
      const { entries } = await kv.list({ prefix: EVENT, limit: PAGE });
      if (entries.length === 0) return;
      for (const [key] of entries) await this.#take(key);
    }
  }

  #take(key: string): Promise<void> {
    const { kv, tenant, now } = this.#options;
    return change(kv, async (c) => {
      const record = await c.bytes(key);
      if (record === null) return;
      c.delete(key);
      const delivery = deliveryOf(record, now());
      if (!delivery) return logWarning("webhook.unreadable", { tenant, batch: key.slice(EVENT.length) });
      for (const { id, event_types } of await allOf(c)) {
        if (event_types.includes(delivery.type)) c.set(keyOf(id, delivery.since, delivery), delivery);
      }
    });
  }

  /** What waits for endpoints that were deleted, a page of each at once. */
  async #throwAway(): Promise<void> {
    const { kv } = this.#options;
    const { entries } = await kv.list({ prefix: ENDPOINTS_GONE, limit: PAGE });
    for (const [gone] of entries) {
      const prefix = deliveries(gone.slice(ENDPOINTS_GONE.length));
      const waiting = await kv.list({ prefix, limit: PAGE });
      await change(kv, async (c) => {
        for (const [key] of waiting.entries) c.delete(key);
        if (!waiting.more) c.delete(gone);
      });
      this.#runAgain ||= waiting.more;
    }
  }

  /** Sends what an endpoint is to get by now, as much as may be sent at once. Says when there is more to do. */
  async #start(endpoint: Endpoint): Promise<number> {
    const { kv } = this.#options;
    const prefix = deliveries(endpoint.id);
    const lane = this.#lane(endpoint.id);
    for (;;) {
      const [first] = (await kv.list({ prefix, limit: 1 })).entries;
      if (first === undefined) return Number.POSITIVE_INFINITY;
      const now = this.#options.now();
      const [key, value] = first;
      const { time: due } = ofTime(prefix, key);
      if (due > now) return due;
      const delivery = decoded<Delivery>(value);
      // Others were tried in its place all the time.
      if (lane.failures > 0 && isOver(delivery, now - 2 * MOST_PAUSE_SECONDS)) {
        await this.#settle(key, value, null);
        logWarning("webhook.given_up", this.#fields(endpoint, delivery));
        continue;
      }
      if (lane.until > now) return lane.until;
      // Whatever ends looks again; this is for the case that nothing does.
      const isFull = lane.sending >= (lane.failures > 0 ? 1 : MOST_TO_ENDPOINT);
      if (isFull || this.#sending >= MOST_SENDING) return now + CLAIM_SECONDS;
      // Before it is sent: a crash in between is not followed by the next try at once.
      const claimed = { ...delivery, tries: delivery.tries + 1 };
      const at = await this.#settle(key, value, { delivery: claimed, endpoint, due: now + CLAIM_SECONDS });
      if (at === null) continue;
      lane.sending += 1;
      this.#sending += 1;
      const sent = this.#send(endpoint, lane, at, claimed).finally(() => {
        lane.sending -= 1;
        this.#sending -= 1;
      });
      this.#options.background(sent.finally(() => this.run()));
    }
  }

  async #send(endpoint: Endpoint, lane: Lane, key: string, delivery: Delivery): Promise<void> {
    const { sending, now } = this.#options;
    const { event: id, body } = delivery;
    const outcome = await deliver(sending, endpoint, { id, body }, now());
    const fields = { ...this.#fields(endpoint, delivery), ...outcome };
    const value = encoded(delivery);
    const time = now();
    if (!isTrouble(outcome)) {
      Object.assign(lane, { failures: 0, until: 0 });
    } else if (lane.until <= time) {
      lane.failures += 1;
      lane.until = time + pauseAfter(lane.failures);
    }
    if (isTaken(outcome)) {
      log("webhook.delivered", fields);
      await this.#settle(key, value, null);
    } else if (isOver(delivery, time)) {
      logWarning("webhook.given_up", fields);
      await this.#settle(key, value, null);
    } else {
      const due = Math.max(time + pauseAfter(delivery.tries), lane.until);
      logWarning("webhook.failed", { ...fields, retry_at: due });
      await this.#settle(key, value, { delivery, endpoint, due });
    }
  }

  /** Replaces a delivery, or is done with it. Gives where it is now; null where another process was there before. */
  async #settle(
    key: string,
    value: Uint8Array,
    next: { delivery: Delivery; endpoint: Endpoint; due: number } | null,
  ): Promise<string | null> {
    const { kv } = this.#options;
    const at = next ? keyOf(next.endpoint.id, next.due, next.delivery) : key;
    const written = await kv.batch?.(
      [
        { type: "delete", key },
        ...(next ? [{ type: "set" as const, key: at, value: encoded(next.delivery) }] : []),
      ],
      [{ key, value }],
    );
    return written ? at : null;
  }

  #lane(id: string): Lane {
    let lane = this.#lanes.get(id);
    if (!lane) {
      lane = { sending: 0, failures: 0, until: 0 };
      this.#lanes.set(id, lane);
    }
    return lane;
  }

  #forgetLanes(endpoints: Endpoint[]): void {
    const known = new Set(endpoints.map(({ id }) => id));
    for (const id of this.#lanes.keys()) if (!known.has(id)) this.#lanes.delete(id);
  }

  #fields({ id }: Endpoint, { event, type, batch, tries }: Delivery) {
    return { tenant: this.#options.tenant, endpoint: id, event_id: event, event_type: type, batch, tries };
  }
}

const isEvent = (op: KVOp) => op.type === "set" && op.key.startsWith(EVENT);

function keyOf(endpointId: string, due: number, { event }: Delivery): string {
  return atTime(deliveries(endpointId), due, event);
}

/** What the core wrote of the end of a batch; null where that cannot be read. */
function deliveryOf(record: Uint8Array, now: number): Delivery | null {
  try {
    const body = new TextDecoder("utf-8", { fatal: true }).decode(record);
    const { id, type, data } = JSON.parse(body) as { id: string; type: string; data: { id: string } };
    return { event: id, type, batch: data.id, body, tries: 0, since: now };
  } catch {
    return null;
  }
}

function isOver({ since }: Delivery, now: number): boolean {
  return now - since >= LIFE_SECONDS;
}

/** Seconds: twice as long after each failure, give or take a quarter, so that what failed together does not come together. */
function pauseAfter(failures: number): number {
  const pause = FIRST_PAUSE_SECONDS * 2 ** (failures - 1);
  return Math.ceil(Math.min(pause, MOST_PAUSE_SECONDS) * (0.75 + Math.random() / 2));
}
