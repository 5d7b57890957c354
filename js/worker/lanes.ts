/** The model server as a Runner calls it by lanes. */

import type { Inference, InferenceRequest, InferenceResponse } from "../core/types.ts";
import type { DurableObjectNamespace } from "./env.ts";
import type { LaneAnswer, LaneRpc } from "./rpc.ts";
import { CONNECTIONS, type TurnSettings } from "./settings.ts";

/** A lane that other batches fill is not asked for so long. */
const BUSY_MS = 1_000;
/** How long a turn waits for lanes to say what they hold. */
const HELD_MS = 3_000;
/** How much the latest request and answer tell of the next: one part of so many. */
const MEMORY = 16;

export interface LanesOptions extends TurnSettings {
  namespace: DurableObjectNamespace<LaneRpc>;
  tenant: string;
  batchId: string;
  turn: number;
  /** Called for each call to a lane. */
  spend: () => void;
  /** Lanes that a turn which died had used. */
  left: number[];
  /** Called before a lane is used for the first time in this turn. */
  uses: (lane: number) => void;
}

/**
 * The lanes of one turn. All of a tenant's batches use the same lanes, whose objects so are there already: where many are made
 * anew, the platform slows them down. Each batch begins at its own part of them and fills one lane before the next.
 */
export class Lanes implements Inference {
  readonly #options: LanesOptions;
  readonly #first: number;
  readonly #count: number;
  readonly #load: number[];
  readonly #busyUntil: number[];
  readonly #used = new Set<number>();
  /** Calls of a turn that died, and who has them. */
  readonly #held = new Map<string, number>();
  readonly #ready: Promise<void> | undefined;
  readonly #aborts = new Map<number, string[]>();
  #inFlight = 0;
  #bytes = 0;
  /** Bytes of a request with its answer, by and large. */
  #usual = 0;

  constructor(options: LanesOptions) {
    this.#options = options;
    const { lanes, batches, batchId, left } = options;
    this.#count = lanes * batches;
    this.#first = (hash(batchId) % batches) * lanes;
    this.#load = Array(this.#count).fill(0);
    this.#busyUntil = Array(this.#count).fill(0);
    if (left.length > 0) this.#ready = this.#ask(left.filter((lane) => lane < this.#count));
  }

  /** As many as have room, by their bytes. */
  allowance(): number {
    if (this.#usual === 0) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor(this.#options.maxBytes / this.#usual));
  }

  async infer(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    if (this.#ready) await this.#ready;
    signal.throwIfAborted();
    const { length } = request.body;
    const bytes = Math.max(length, this.#usual);
    if (this.#inFlight > 0 && this.#bytes + bytes > this.#options.maxBytes)
      throw notSent("too many bytes are in flight");
    this.#inFlight++;
    this.#bytes += bytes;
    try {
      const answer = await this.#place(request, signal);
      const size = length + answer.body.length;
      this.#usual += this.#usual === 0 ? size : (size - this.#usual) / MEMORY;
      return answer;
    } finally {
      this.#inFlight--;
      this.#bytes -= bytes;
    }
  }

  /** The turn has ended by itself: calls that it found and did not ask for are nobody's. */
  end(): void {
    for (const [key, lane] of this.#held) this.#abort(lane, key);
    this.#held.clear();
  }

  /** Has a lane make the call: the one that has it already, or the first with room. */
  async #place(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse> {
    const { idempotencyKey: key } = request;
    const holder = this.#held.get(key);
    this.#held.delete(key);
    for (let lane = holder ?? this.#free(); lane !== undefined; lane = this.#free()) {
      this.#load[lane] = (this.#load[lane] as number) + 1;
      try {
        const answer = await this.#call(lane, request, lane === holder, signal);
        if ("answer" in answer) return answer.answer;
        if ("error" in answer)
          throw Object.assign(new Error(answer.error.message), { name: answer.error.name });
        this.#busyUntil[lane] = Date.now() + BUSY_MS;
      } finally {
        this.#load[lane] = (this.#load[lane] as number) - 1;
      }
      signal.throwIfAborted();
    }
    throw notSent("no lane has room");
  }

  #free(): number | undefined {
    const now = Date.now();
    for (let i = 0; i < this.#count; i++) {
      const lane = (this.#first + i) % this.#count;
      if ((this.#load[lane] as number) < CONNECTIONS && (this.#busyUntil[lane] as number) <= now) return lane;
    }
    return undefined;
  }

  /** A lane that dies costs a second call; the platform's "too much" is a lost connection, from which the core backs off. */
  async #call(
    lane: number,
    request: InferenceRequest,
    rejoin: boolean,
    signal: AbortSignal,
  ): Promise<LaneAnswer> {
    if (!this.#used.has(lane)) {
      this.#used.add(lane);
      this.#options.uses(lane);
    }
    const { batchId, turn, spend } = this.#options;
    const once = (rejoin: boolean) => {
      spend();
      return this.#lane(lane).infer({ ...request, batchId, turn, rejoin });
    };
    const aborted = Promise.withResolvers<never>();
    const stop = () => {
      this.#abort(lane, request.idempotencyKey);
      aborted.reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    const answered = once(rejoin).catch((error) => {
      if (signal.aborted || isOverload(error)) throw lost(error);
      return once(true).catch((second) => Promise.reject(lost(second)));
    });
    try {
      return await Promise.race([answered, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Always a new stub: one whose object was reset never answers again. */
  #lane(lane: number) {
    return this.#options.namespace.getByName(`${this.#options.tenant}/${lane}`);
  }

  /** Asks lanes for the calls that the turn which died has left with them. */
  async #ask(lanes: number[]): Promise<void> {
    const { batchId, turn, spend } = this.#options;
    const asked = lanes.map(async (lane) => {
      spend();
      for (const key of await this.#lane(lane).held(batchId, turn)) this.#held.set(key, lane);
    });
    // One that cannot say has nothing.
    const answers = Promise.allSettled(asked);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((done) => {
      timer = setTimeout(done, HELD_MS);
    });
    await Promise.race([answers, late]);
    clearTimeout(timer);
  }

  /** All of one moment go in one call to each lane. */
  #abort(lane: number, key: string): void {
    if (this.#aborts.size === 0) {
      queueMicrotask(() => {
        const { batchId, spend } = this.#options;
        for (const [lane, keys] of this.#aborts) {
          spend();
          // A lane that is gone has aborted them.
          this.#lane(lane)
            .abort(batchId, keys)
            .catch(() => undefined);
        }
        this.#aborts.clear();
      });
    }
    const keys = this.#aborts.get(lane);
    if (keys) keys.push(key);
    else this.#aborts.set(lane, [key]);
  }
}

function isOverload(error: unknown): boolean {
  const { overloaded, message } = (error ?? {}) as { overloaded?: boolean; message?: unknown };
  return overloaded === true || /too much load|overloaded/i.test(String(message));
}

function lost(error: unknown): Error {
  const { message } = (error ?? {}) as { message?: unknown };
  return new Error(`the lane was lost: ${String(message ?? error)}`, { cause: error });
}

function notSent(message: string): Error {
  return Object.assign(new Error(message), { name: "NotSentError" });
}

function hash(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = (Math.imul(value, 31) + text.charCodeAt(i)) >>> 0;
  return value;
}
