/** The model server of a world: answers what it is asked by its words, or does something else. */

import type { InferenceRequest, InferenceResponse } from "../../../js/core/types.ts";
import type { ModelServer } from "../../../js/server/upstreams/types.ts";
import { DeadError, type Lifetime } from "./life.ts";
import type { Asked, Surroundings } from "./surroundings.ts";

/** Tokens of each answer. */
export const USAGE = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };

export class Model {
  /** By what tells a line of a batch. */
  readonly asked = new Map<string, Asked>();
  calls = 0;
  #forgotten = 0;
  readonly #world: Surroundings;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** Of all batches. */
  get lines(): number {
    return this.asked.size + this.#forgotten;
  }

  /** A batch is over and was looked at. */
  forget(batch: string): void {
    for (const key of this.asked.keys()) {
      if (!key.startsWith(`${batch}:`)) continue;
      this.asked.delete(key);
      this.#forgotten++;
    }
  }

  for(life: Lifetime): ModelServer {
    return {
      ...{ name: "m", models: ["m"], concurrency: 8, timeoutMs: 60_000 },
      infer: (request, signal) => this.#arrive(life, request, signal),
      call: async () =>
        Response.json({ object: "list", data: [{ id: "m", object: "model", created: 1, owned_by: "x" }] }),
    };
  }

  /** A call of a process that is cut off comes when it is so no more. */
  async #arrive(life: Lifetime, request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    const { clock } = this.#world;
    if (clock.now < life.stalledUntil) await clock.sleep(Math.ceil(life.stalledUntil - clock.now));
    signal.throwIfAborted();
    return this.#infer(life, request, signal);
  }

  #infer(
    life: Lifetime,
    { idempotencyKey, body }: InferenceRequest,
    signal: AbortSignal,
  ): Promise<InferenceResponse> {
    if (life.isDead) return Promise.reject(new DeadError());
    const world = this.#world;
    const { clock, chance } = world;
    this.calls++;
    const asked = this.asked.get(idempotencyKey) ?? { calls: 0, bad: 0, interruptions: world.interruptions };
    this.asked.set(idempotencyKey, asked);
    asked.calls++;
    world.invariants.asked(idempotencyKey, asked);
    const { messages } = JSON.parse(new TextDecoder().decode(body));
    const answer = (status: number, json: unknown, retryAfterMs?: number): InferenceResponse => ({
      status,
      body: new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json)),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
    const refusal = (status: number) =>
      answer(
        status,
        { error: { message: `no ${status}`, type: "server_error", code: `c${status}` } },
        status === 429 ? 500 : undefined,
      );
    return new Promise((resolve, reject) => {
      const settle = (isBad: boolean, how: () => void) => {
        forget();
        if (isBad) asked.bad++;
        if (life.isDead) reject(new DeadError());
        else how();
      };
      signal.addEventListener("abort", () => settle(true, () => reject(signal.reason)));
      const forget = life.onDeath(() => reject(new DeadError()));
      if (world.happens("hangs")) return;
      const stalled = Math.max(life.stalledUntil - clock.now, 0);
      const late = world.happens("late") ? chance.wait(world.faults.lateMs) : 0;
      clock.after(20 + chance.wait(300) + stalled + late, () => {
        if (signal.aborted) return;
        if (clock.now < world.stormUntil || world.happens("throttled"))
          return settle(true, () => resolve(refusal(429)));
        if (world.happens("broken")) return settle(true, () => resolve(refusal(503)));
        if (world.happens("reset")) return settle(true, () => reject(new TypeError("fetch failed")));
        if (world.happens("unreadable")) return settle(true, () => resolve(answer(200, '{"half":')));
        const content = String(messages[0]?.content ?? "");
        if (content.includes("refuse")) return settle(false, () => resolve(refusal(400)));
        const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
        settle(false, () =>
          resolve(
            answer(200, {
              id: "c",
              object: "chat.completion",
              created: 1,
              model: "m",
              choices,
              usage: USAGE,
            }),
          ),
        );
      });
    });
  }
}
