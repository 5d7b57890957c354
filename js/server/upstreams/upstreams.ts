/** The model servers: who is asked for what, and when. */

import type { Inference, InferenceRequest, InferenceResponse, Models } from "../../core/types.ts";
import { byName, Catalog } from "./catalog.ts";
import { Gate, NotSentError, type Pool } from "./gate.ts";
import { LeasedSlots, type SlotStore } from "./leased-slots.ts";
import { passThrough } from "./pass.ts";
import { ServerState } from "./server-state.ts";
import { Shares } from "./shares.ts";
import { endOf, forCallers } from "./trouble.ts";
import {
  type CallEnd,
  type Clock,
  type ModelServer,
  type OnCall,
  type Pace,
  type PassedCall,
  systemClock,
  type UpstreamStats,
  type Upstreams,
  type WireModel,
} from "./types.ts";

export interface UpstreamsOptions {
  /** At least one, by different names. */
  servers: readonly ModelServer[];
  /** The only models there are, whatever the servers offer; undefined for no such rule. */
  models?: readonly string[] | undefined;
  /** Whether batches yield to calls that somebody waits for. Default true. */
  interactiveFirst?: boolean;
  /**
   * Whether every call to the servers goes through here. Not in a Worker, of which there are many: there calls are passed on
   * without a gate. Default true.
   */
  shared?: boolean;
  /** Where other processes use the servers too: then concurrency is that of all together. */
  slots?: SlotStore | undefined;
  /** Asked before each call. */
  onCall?: OnCall | undefined;
  clock?: Clock;
}

export class ModelServers implements Upstreams {
  readonly stats: UpstreamStats;
  readonly #options: UpstreamsOptions;
  readonly #clock: Clock;
  readonly #gate: Gate;
  readonly #catalog: Catalog;
  readonly #slots: LeasedSlots[] = [];
  readonly #shares = new Map<string, Shares>();
  readonly #interactiveFirst: boolean;
  readonly #shared: boolean;

  constructor(options: UpstreamsOptions) {
    const { servers, interactiveFirst = true, shared = true, slots: store, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#interactiveFirst = interactiveFirst;
    this.#shared = shared;
    const leased = (usage: ServerState) => {
      const { name, concurrency: limit } = usage.server;
      const changed = () => this.#gate.pump();
      const slots = new LeasedSlots({
        ...{ store: store as SlotStore, name, limit, interactiveFirst, usage, clock, changed },
      });
      this.#slots.push(slots);
      return slots;
    };
    const states = servers.map((server) => new ServerState(server, servers.length === 1, store && leased));
    this.#gate = new Gate(states, interactiveFirst, clock);
    this.#catalog = new Catalog(states, clock, shared);
    this.stats = {
      servers: () => states.map((state) => state.stats()),
      notSent: () => this.#gate.notSent,
    };
  }

  inference(tenant: string, batchId: string): Inference {
    return {
      allowance: (pool) => this.#sharesOf(pool).allowance(tenant, batchId),
      infer: (request, signal) => this.#infer(tenant, batchId, request, signal),
    };
  }

  models(): Models {
    const has = async (model: string) => this.#isThere(model) && this.#catalog.has(model);
    // One pool has no name, and what runs over it need not ask.
    const isOne = this.#options.servers.length === 1;
    return { has, ...(!isOne && { pool: (model: string) => this.#catalog.poolName(model) }) };
  }

  async list(): Promise<WireModel[] | undefined> {
    const { models } = this.#options;
    const offered = await this.#catalog.list();
    if (offered === undefined && !models) return undefined;
    const found = new Map(offered?.map((model) => [model.id, model]));
    return models?.map((id) => found.get(id) ?? byName(id)) ?? [...found.values()];
  }

  get silence(): string {
    return this.#catalog.silence;
  }

  ready(): Promise<void> {
    return this.#catalog.ready();
  }

  stop(): void {
    this.#gate.close();
    for (const slots of this.#slots) slots.close();
  }

  /** Nothing is in flight any more: others may have all slots. */
  async release(): Promise<void> {
    // What cannot be given back others take in a while.
    await Promise.allSettled(this.#slots.map((slots) => slots.release()));
  }

  get mustKnowModel(): boolean {
    const { servers, models } = this.#options;
    return servers.length > 1 || models !== undefined || servers[0]?.models !== undefined;
  }

  pass(call: PassedCall): Promise<Response> {
    const name = call.model === undefined ? "" : this.#catalog.poolName(call.model);
    const { onCall } = this.#options;
    const passage = {
      ...{ gate: this.#gate, clock: this.#clock, onCall, tracked: this.#shared },
      enter: async ({ tenant, signal }: PassedCall, pool: Pool) => {
        if (this.#interactiveFirst) {
          return this.#gate.interactive(pool, this.#shares.get(name)?.isIdle ?? true);
        }
        const wish = { tenant, line: "", kind: "interactive", pool } as const;
        return this.#gate.enter(wish, signal, pool[0]?.server.timeoutMs);
      },
    };
    return passThrough(passage, call, this.#catalog.pool(name));
  }

  pace(model: string | undefined): Pace | null {
    if (model === undefined && this.#options.servers.length > 1) return null;
    const name = model === undefined ? "" : this.#catalog.poolName(model);
    let [sum, count, concurrency] = [0, 0, 0];
    for (const state of this.#catalog.pool(name)) {
      const { batch } = state.stats().latency;
      sum += batch.sum;
      count += batch.count;
      concurrency += state.server.concurrency;
    }
    return count === 0 ? null : { pool: name, seconds: sum / count, concurrency };
  }

  #isThere(model: string): boolean {
    return this.#options.models?.includes(model) !== false;
  }

  #sharesOf(pool: string): Shares {
    let shares = this.#shares.get(pool);
    if (shares === undefined) {
      shares = new Shares(() => this.#gate.capacity(this.#catalog.pool(pool)), this.#clock);
      this.#shares.set(pool, shares);
    }
    return shares;
  }

  /** The pool of a request for which the core knows none: of a model that is one of very many. */
  #poolOf({ body }: InferenceRequest): string {
    if (this.#options.servers.length === 1) return "";
    const { model } = JSON.parse(new TextDecoder().decode(body)) as { model?: unknown };
    return typeof model === "string" ? this.#catalog.poolName(model) : "";
  }

  /** One request of a batch: one call to one server. */
  async #infer(
    tenant: string,
    batchId: string,
    request: InferenceRequest,
    signal: AbortSignal,
  ): Promise<InferenceResponse> {
    signal.throwIfAborted();
    const name = request.pool ?? this.#poolOf(request);
    const shares = this.#sharesOf(name);
    const run = shares.run(tenant, batchId);
    const wish = {
      tenant,
      line: `${batchId}\n${name}`,
      kind: "batch",
      pool: this.#catalog.pool(name),
    } as const;
    run.enter();
    try {
      const { state, call } = await this.#gate.enter(wish, signal);
      shares.sent(run);
      let end: CallEnd = "unreachable";
      const { server } = state;
      const { url: path, idempotencyKey } = request;
      const about = { kind: "batch", server: server.name, path, tenant, batchId, idempotencyKey } as const;
      const watch = this.#options.onCall?.(about);
      const guard = state.places.guard(signal);
      try {
        const asked = watch?.headers ? { ...request, headers: watch.headers } : request;
        const answer = await server.infer(asked, guard.signal);
        end = answer.status;
        return answer;
      } catch (error) {
        if (guard.signal.aborted) {
          end = "aborted";
          // No try: nothing is known of the server by it.
          if (guard.isLost) throw new NotSentError("Its slot was lost, as the store is away.");
          throw error;
        }
        end = endOf(error);
        state.trouble.failed(end, error, this.#clock.now());
        throw forCallers(error);
      } finally {
        guard.end();
        state.answered(call, end, this.#clock.now());
        state.leave("batch");
        watch?.ended?.(end);
        this.#gate.pump();
      }
    } finally {
      shares.leave(run);
    }
  }
}
