/** Model servers of the tests, in memory, and time that goes as it is told. */

import type { InferenceRequest, InferenceResponse } from "../../../js/core/types.ts";
import type { CallInit, Clock, ModelServer } from "../../../js/server/upstreams/types.ts";

/** Time that stands until it is moved. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; call: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass: what is due is called in its order, and what follows from it happens before the next. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.call();
      await settled();
    }
    this.#now = end;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }
}

/** Resolves once everything that needs no time has happened. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}

/** A model server that is scripted. */
export interface Scripted extends ModelServer {
  /** Requests of batches that came, in order. */
  readonly asked: InferenceRequest[];
  /** Those that are not answered yet. */
  readonly open: Set<InferenceRequest>;
  most: number;
  /** Every other call. */
  readonly calls: { path: string; init: CallInit }[];
}

export function scripted(
  name: string,
  more: Partial<ModelServer> & { answer?: (request: InferenceRequest) => Promise<number> } = {},
): Scripted {
  const { answer = async () => 200, ...rest } = more;
  const server: Scripted = {
    ...{ name, concurrency: 4, timeoutMs: 60_000, asked: [], open: new Set(), most: 0, calls: [] },
    async infer(request, signal): Promise<InferenceResponse> {
      signal.throwIfAborted();
      server.asked.push(request);
      server.open.add(request);
      server.most = Math.max(server.most, server.open.size);
      try {
        return { status: await answer(request), body: new TextEncoder().encode("{}") };
      } finally {
        server.open.delete(request);
      }
    },
    async call(path, init) {
      server.calls.push({ path, init });
      return Response.json({ object: "list", data: [] });
    },
    ...rest,
  };
  return server;
}

let count = 0;

/** A request of a batch. */
export function request(pool?: string, model = "m"): InferenceRequest {
  const body = new TextEncoder().encode(JSON.stringify({ model, messages: [] }));
  count += 1;
  return {
    url: "/v1/chat/completions",
    body,
    idempotencyKey: `${count}`,
    ...(pool !== undefined && { pool }),
  };
}
