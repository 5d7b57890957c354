/**
 * A lane: makes calls to the model server for Runners, as many as a Durable Object has connections for. It stores nothing: what
 * it does is lost with it, and then asked for again. A Runner that dies meanwhile finds its calls under way, or their answers.
 */

import { DurableObject } from "cloudflare:workers";
import type { Inference, InferenceResponse } from "../core/types.ts";
import type { DurableObjectState, Env } from "./env.ts";
import { KEPT_MS, Memo } from "./memo.ts";
import type { LaneAnswer, LaneCall, LaneRpc } from "./rpc.ts";
import { CONNECTIONS, serviceSettings } from "./settings.ts";

/** Batches whose newest turn is remembered. */
const MOST_TURNS = 100;

interface Flight {
  batchId: string;
  control: AbortController;
  answer: Promise<LaneAnswer>;
}

export class Lane extends DurableObject<Env> implements LaneRpc {
  readonly #inference: Inference;
  /** By idempotency key. */
  readonly #flights = new Map<string, Flight>();
  readonly #memo = new Memo();
  readonly #turns = new Map<string, number>();
  /** Until when it stays awake. */
  #awakeUntil = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#inference = serviceSettings(env).inference;
  }

  async infer(call: LaneCall): Promise<LaneAnswer> {
    const { batchId, turn, idempotencyKey: key } = call;
    if (!this.#isNewest(batchId, turn)) return failed("Error", "a newer turn runs the batch");
    const flight = this.#flights.get(key);
    if (flight) return flight.answer;
    const answer = call.rejoin ? this.#memo.take(key) : undefined;
    if (answer) return { answer };
    if (this.#flights.size >= CONNECTIONS) return { busy: true };
    return this.#start(call);
  }

  async abort(batchId: string, keys: string[]): Promise<void> {
    for (const key of keys) {
      const flight = this.#flights.get(key);
      if (flight?.batchId === batchId) flight.control.abort();
      this.#memo.take(key);
    }
  }

  async held(batchId: string, turn: number): Promise<string[]> {
    if (!this.#isNewest(batchId, turn)) return [];
    const flights = [...this.#flights].filter(([, flight]) => flight.batchId === batchId);
    return [...flights.map(([key]) => key), ...this.#memo.keys(batchId)];
  }

  #start({ batchId, turn: _, rejoin: __, ...request }: LaneCall): Promise<LaneAnswer> {
    const { idempotencyKey: key } = request;
    const control = new AbortController();
    const landed = (outcome: LaneAnswer): LaneAnswer => {
      this.#flights.delete(key);
      // Another call may do better where this one did not.
      if ("answer" in outcome && isGood(outcome.answer)) {
        this.#memo.keep(batchId, key, outcome.answer);
        this.#stayAwake();
      }
      return outcome;
    };
    const answer = this.#inference
      .infer(request, control.signal)
      .then((answer) => landed({ answer: { ...answer, body: alone(answer.body) } }))
      .catch(({ name, message }) => landed(failed(String(name), String(message))));
    this.#flights.set(key, { batchId, control, answer });
    // Whoever asked may be gone.
    this.ctx.waitUntil(answer);
    return answer;
  }

  /** The platform puts an idle object away after ten seconds, before a Runner that died is back. */
  #stayAwake(): void {
    const isAwake = this.#awakeUntil > 0;
    this.#awakeUntil = Date.now() + KEPT_MS;
    if (!isAwake) this.ctx.waitUntil(this.#awake());
  }

  async #awake(): Promise<void> {
    for (let left = KEPT_MS; left > 0; left = this.#awakeUntil - Date.now())
      await new Promise((next) => setTimeout(next, left));
    this.#awakeUntil = 0;
  }

  /** A Runner that another has replaced starts nothing any more. */
  #isNewest(batchId: string, turn: number): boolean {
    const newest = Math.max(this.#turns.get(batchId) ?? 0, turn);
    this.#turns.delete(batchId);
    this.#turns.set(batchId, newest);
    if (this.#turns.size > MOST_TURNS) this.#turns.delete(this.#turns.keys().next().value as string);
    return turn === newest;
  }
}

function isGood({ status }: InferenceResponse): boolean {
  return status >= 200 && status < 300;
}

/** Bytes in a buffer of their own: a call carries, and the memo keeps, all of the buffer. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function failed(name: string, message: string): LaneAnswer {
  return { error: { name, message } };
}
