/** A model server in simulated time: answers after a while, counts what it is asked, refuses what is too much. */

import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { Life } from "./life.ts";
import type { Chance } from "./random.ts";

export interface ModelOptions {
  clock: Clock;
  chance: Chance;
  faults: Faults;
  requests: number;
  latencyMs: number;
  /** Answers take the latency, give or take this part of it. */
  spread: number;
  /** Bytes of an answer. */
  bytes: number;
}

/** What `fetch` is to the objects. */
export class Model {
  /** Calls by line. */
  readonly #calls: Uint8Array;
  readonly #options: ModelOptions;
  readonly #plain: Uint8Array;
  readonly #stream: Uint8Array;
  readonly #lives = new Map<string, Life>();
  #inFlight = 0;
  #changed = 0;
  called = 0;
  repeated = 0;
  refused = 0;
  mostInFlight = 0;
  firstAt = 0;
  lastAt = 0;
  /** Milliseconds of calls in flight, all together. */
  usedMs = 0;
  answered = 0;

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#calls = new Uint8Array(options.requests + 1);
    const encoder = new TextEncoder();
    const content = "x".repeat(Math.max(1, options.bytes - 260));
    const usage = { prompt_tokens: 400, completion_tokens: 400, total_tokens: 800 };
    const top = { id: "chatcmpl-1", created: 1, model: "m" };
    this.#plain = encoder.encode(
      JSON.stringify({
        ...{ ...top, object: "chat.completion", usage },
        choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      }),
    );
    const chunk = (choices: unknown[], more = {}) =>
      `data: ${JSON.stringify({ ...top, object: "chat.completion.chunk", choices, ...more })}\n\n`;
    this.#stream = encoder.encode(
      chunk([{ index: 0, delta: { role: "assistant", content }, finish_reason: null }]) +
        chunk([{ index: 0, delta: {}, finish_reason: "stop" }]) +
        chunk([], { usage }) +
        "data: [DONE]\n\n",
    );
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The address by which an object calls it: whose call it is, is in its name. */
  addressFor(life: Life): string {
    const name = `object-${this.#lives.size}`;
    this.#lives.set(name, life);
    return `http://${name}/v1`;
  }

  readonly fetch = (input: unknown, init: RequestInit = {}): Promise<Response> => {
    const life = this.#lives.get(new URL(String(input)).hostname);
    if (!life) return Promise.reject(new Error(`the simulation has no server at ${input}`));
    return life.connect((release) =>
      this.#answer(life, init, release),
    ) as Promise<unknown> as Promise<Response>;
  };

  #answer(life: Life, { headers, body, signal }: RequestInit, release: () => void): Promise<Answer> {
    const { clock, chance, faults, latencyMs, spread } = this.#options;
    const key = (headers as Record<string, string>)["idempotency-key"] as string;
    const line = Number(key.slice(key.lastIndexOf(":") + 1));
    if (this.#inFlight >= faults.capacity) {
      this.refused++;
      return life.later(5, () => answer(429, refusal));
    }
    const calls = this.#calls[line] ?? 0;
    if (calls > 0) this.repeated++;
    this.#calls[line] = calls + 1;
    if (this.called++ === 0) this.firstAt = clock.now;
    this.#count(1);
    const takes = latencyMs * (1 + spread * (2 * chance.next() - 1));
    const isLost = chance.happens(faults.lostCalls);
    const isStream = isStreamed(body as Uint8Array);
    return new Promise((resolve, reject) => {
      const end = () => {
        life.deaths.delete(end);
        signal?.removeEventListener("abort", abort);
        this.#count(-1);
      };
      const abort = () => {
        clock.cancel(due);
        end();
        reject(signal?.reason);
      };
      let finish: (bytes: Uint8Array) => void = (bytes) => resolve(answer(200, bytes));
      const due = clock.after(takes, () => {
        if (life.isDead) return;
        end();
        this.lastAt = clock.now;
        if (isLost) return reject(new TypeError("fetch failed"));
        this.answered++;
        finish(isStream ? this.#stream : this.#plain);
      });
      life.deaths.add(end);
      signal?.addEventListener("abort", abort);
      if (!isStream) return;
      const body = new Promise<Uint8Array>((next) => {
        finish = next;
      });
      resolve(answer(200, body));
      release();
    });
  }

  #count(by: number): void {
    const { now } = this.#options.clock;
    this.usedMs += this.#inFlight * (now - this.#changed);
    this.#changed = now;
    this.#inFlight += by;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
  }
}

const refusal = new TextEncoder().encode(
  JSON.stringify({ error: { message: "Too many requests", type: "rate_limit_error" } }),
);

const wanted = Buffer.from('"stream":true');

function isStreamed(body: Uint8Array): boolean {
  return Buffer.from(body.buffer, body.byteOffset, body.length).includes(wanted);
}

type Answer = ReturnType<typeof answer>;

/** What of a `Response` is looked at. The whole one takes more time than all else together. */
function answer(status: number, bytes: Uint8Array | Promise<Uint8Array>) {
  let left: typeof bytes | undefined = bytes;
  return {
    status,
    type: "basic",
    headers: { get: () => null },
    body: {
      cancel: async () => {},
      getReader: () => ({
        read: async () => {
          const value = await left;
          left = undefined;
          return { value, done: value === undefined };
        },
        cancel: async () => {},
      }),
    },
  };
}
