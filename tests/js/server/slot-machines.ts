/** Machines of the tests that share one model server by leased slots: they may be killed, stopped and cut off. */

import type { InferenceResponse } from "../../../js/core/types.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import type { SlotStore } from "../../../js/server/upstreams/leased-slots.ts";
import type { Clock, ModelServer } from "../../../js/server/upstreams/types.ts";
import { ModelServers } from "../../../js/server/upstreams/upstreams.ts";
import { ManualClock } from "./model-servers.ts";
import { ScriptedRun } from "./scripted-run.ts";

/** How long one call of the store takes, there and back. */
const STORE_MS = 4;
/** How long until the others hear of what is told. */
const TOLD_MS = 20;

export interface WorldOptions {
  limit: number;
  answerMs: number;
  interactiveFirst?: boolean;
}

/** All machines, their store, and the model server that counts what is in flight. */
export class SlotWorld {
  readonly clock = new ManualClock();
  readonly kv = new MemoryKV();
  readonly machines: Machine[] = [];
  readonly options: WorldOptions;
  /** Calls that are open at the model server. */
  readonly open = new Set<Machine>();
  inFlight = 0;
  most = 0;
  writes = 0;

  constructor(options: WorldOptions) {
    this.options = options;
  }

  start(): Machine {
    const machine = new Machine(this);
    this.machines.push(machine);
    return machine;
  }

  /** Lets time pass, and gives how many calls were in flight meanwhile, on average. */
  async mean(ms: number): Promise<number> {
    let sum = 0;
    for (let at = 0; at < ms; at += 10) {
      await this.clock.pass(10);
      sum += this.inFlight;
    }
    return sum / (ms / 10);
  }

  /** The time until something is so; NaN when it is not in `most` milliseconds. */
  async until(isSo: () => boolean, most: number): Promise<number> {
    const began = this.clock.now();
    while (!isSo()) {
      if (this.clock.now() - began >= most) return Number.NaN;
      await this.clock.pass(10);
    }
    return this.clock.now() - began;
  }
}

export class Machine implements Clock, SlotStore {
  readonly upstreams: ModelServers;
  inFlight = 0;
  isDead = false;
  /** Whether the store is out of its reach. */
  isCutOff = false;
  #stopped: Promise<void> | undefined;
  #goOn = () => {};
  readonly #world: SlotWorld;
  readonly #looks: (() => void)[] = [];
  readonly #ends = new Set<() => void>();
  #interactive: ReadableStreamDefaultController[] = [];
  runs = 0;

  constructor(world: SlotWorld) {
    this.#world = world;
    const { limit, interactiveFirst = true } = world.options;
    this.upstreams = new ModelServers({
      servers: [this.#server(limit)],
      interactiveFirst,
      slots: this,
      clock: this,
    });
  }

  /** A batch that it runs. */
  run(count = 1e9, window = Number.POSITIVE_INFINITY): ScriptedRun {
    this.runs += 1;
    return new ScriptedRun(this.upstreams, this, { tenant: "t", batch: `${this.runs}`, count, window });
  }

  /** A call that somebody waits for: resolves once it is sent. */
  async pass(): Promise<void> {
    const { signal } = new AbortController();
    const call = { path: "/v1/chat/completions", tenant: "t", model: undefined, headers: new Headers() };
    const answer = await this.upstreams.pass({ ...call, body: null, signal });
    void answer.text();
  }

  endPassed(): void {
    for (const controller of this.#interactive) controller.close();
    this.#interactive = [];
  }

  /** It stands still, and its calls go on at the model server. */
  stop(): void {
    this.#stopped ??= new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  goOn(): void {
    this.#stopped = undefined;
    this.#goOn();
  }

  kill(): void {
    this.isDead = true;
    this.stop();
    for (const end of [...this.#ends]) end();
  }

  get held(): number {
    return this.upstreams.stats.servers()[0]?.slots?.held as number;
  }

  now(): number {
    return this.#world.clock.now();
  }

  after(ms: number, call: () => void): () => void {
    let isOff = false;
    const stop = this.#world.clock.after(ms, async () => {
      await this.#stopped;
      if (!isOff) call();
    });
    return () => {
      isOff = true;
      stop();
    };
  }

  async get(key: string): Promise<Uint8Array | null> {
    return this.#asked(() => this.#world.kv.get(key));
  }

  async replace(
    key: string,
    before: Uint8Array | null,
    after: Uint8Array | null,
    tells: boolean,
  ): Promise<boolean> {
    const done = await this.#asked(async () => {
      this.#world.writes += 1;
      const op =
        after === null ? ({ type: "delete", key } as const) : ({ type: "set", key, value: after } as const);
      return this.#world.kv.batch([op], [{ key, value: before }]);
    });
    if (done && tells) {
      for (const machine of this.#world.machines) machine.after(TOLD_MS, () => machine.#told());
    }
    return done;
  }

  onTold(look: () => void): void {
    this.#looks.push(look);
  }

  #told(): void {
    if (!this.isCutOff) for (const look of this.#looks) look();
  }

  /** A write of one that is cut off may be carried out, or not. */
  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    const { clock } = this.#world;
    await clock.sleep(STORE_MS / 2);
    let answer: T | undefined;
    if (!this.isCutOff) answer = await ask();
    await clock.sleep(STORE_MS / 2);
    await this.#stopped;
    if (!this.isCutOff && answer !== undefined) return answer;
    await clock.sleep(1_000);
    await this.#stopped;
    throw new Error("the store is away");
  }

  #server(concurrency: number): ModelServer {
    return {
      ...{ name: "a", concurrency, timeoutMs: 600_000 },
      infer: async (_, signal): Promise<InferenceResponse> => {
        signal.throwIfAborted();
        const world = this.#world;
        world.inFlight += 1;
        this.inFlight += 1;
        world.most = Math.max(world.most, world.inFlight);
        await new Promise<void>((resolve) => {
          const end = () => {
            if (!this.#ends.delete(end)) return;
            world.inFlight -= 1;
            this.inFlight -= 1;
            resolve();
          };
          this.#ends.add(end);
          world.clock.after(world.options.answerMs, end);
          signal.addEventListener("abort", end, { once: true });
        });
        await this.#stopped;
        signal.throwIfAborted();
        return { status: 200, body: new Uint8Array() };
      },
      call: async () =>
        new Response(new ReadableStream({ start: (controller) => void this.#interactive.push(controller) })),
    };
  }
}
