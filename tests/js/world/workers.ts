/** What serves in a world of the Worker: its own Tenants, Runners and lanes, on a simulated platform that does to them what the real one may. */

import { createHash } from "node:crypto";
import { noFaults } from "../../../benches/worker/simulation/faults.ts";
import type { Life as ObjectLife } from "../../../benches/worker/simulation/life.ts";
import { Meter } from "../../../benches/worker/simulation/meter.ts";
import { type Classes, Platform } from "../../../benches/worker/simulation/platform.ts";
import type { KV, KVOp } from "../../../js/core/types.ts";
import { DurableObjectKV } from "../../../js/hosts/kv/durable-object.ts";
import type { Bucket, Env, ExecutionContext } from "../../../js/worker/env.ts";
import type { Lifetime } from "./life.ts";
import { QUOTAS } from "./process.ts";
import type { Reply, Server, Surroundings } from "./surroundings.ts";

/** The Worker itself: its objects, and what a call and the cron come to. */
export type WorkerModule = Classes & {
  handler: {
    fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response>;
    scheduled(event: unknown, env: Env, context: ExecutionContext): Promise<void>;
  };
};

/** Most subrequests of an invocation, as the paid plan has them. */
const SUBREQUESTS = 10_000;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const context: ExecutionContext = { waitUntil: (promise) => void promise.catch(() => undefined) };

export class Workers implements Server {
  readonly #world: Surroundings;
  readonly #worker: WorkerModule;
  readonly #platform: Platform;
  readonly #lives = new Map<string, ObjectLife>();
  readonly #outside: ObjectLife;
  readonly #env: Env;
  readonly life = { isDead: false };

  constructor(world: Surroundings, worker: WorkerModule) {
    this.#world = world;
    this.#worker = worker;
    const { clock, chance } = world;
    const keys = world.clients.map(({ name }) => `${name}:${sha256(`key-of-${name}`)}`);
    this.#platform = new Platform({
      ...{ clock, chance, meter: new Meter(), classes: worker, subrequests: SUBREQUESTS },
      faults: this.#faults(),
      vars: {
        ...{ API_KEYS: keys.join(","), MODELS: "m", MAX_ATTEMPTS: "5", REQUEST_TIMEOUT_MS: "60000" },
        // More than one object has connections for: lanes make the calls.
        ...{ MAX_CONCURRENT_REQUESTS: "8", MAX_CONCURRENT_BATCHES: "2" },
        ...{ MAX_FILES: String(QUOTAS.files), MAX_STORED_BYTES: String(QUOTAS.storedBytes) },
        MAX_QUEUED_BATCHES: String(QUOTAS.queuedBatches),
        MAX_QUEUED_REQUESTS: String(QUOTAS.queuedRequests),
      },
      onTurn: () => {},
      cron: () => {
        this.#outside.subrequests = 0;
        worker.handler.scheduled(null, this.#env, context).catch(() => undefined);
      },
      bucket: (life) => this.#bucket(life),
      upstream: (life) => this.#address(life),
      carry: (value) => structuredClone(value),
      loses: () => (world.happens("refused") ? "call" : world.happens("lost") ? "reply" : undefined),
      // A lane that does not answer is asked once more, and then the model server is.
      onLost: (kind) => {
        if (kind !== "Tenant") world.interrupt(clock.now);
      },
      onQuery: ({ kind, name }, query, bindings) => {
        const isWrite = /^\s*(INSERT|UPDATE)/i.test(query);
        if (isWrite && clock.now < world.fullUntil) throw new Error("database or disk is full: SQLITE_FULL");
        const op = kind === "Tenant" ? opOf(query, bindings) : undefined;
        if (op) world.invariants.written(name, [op]);
      },
    });
    this.#outside = this.#platform.outside();
    this.#env = this.#platform.env(this.#outside);
    this.#deploys();
  }

  /** A tenant's store, as it is. */
  of(tenant: string): KV {
    return new DurableObjectKV(this.#platform.storageOf("Tenant", tenant));
  }

  get incidents() {
    return this.#platform.incidents;
  }

  async fetch(request: Request): Promise<Reply> {
    const { status, headers, ...answer } = await this.#answer(request);
    return { status, headers, body: new Uint8Array(await answer.body.arrayBuffer()) };
  }

  async #answer(request: Request) {
    // Each call is an invocation of its own.
    this.#outside.subrequests = 0;
    const body = await this.#worker.handler.fetch(request, this.#env, context);
    return { status: body.status, headers: body.headers, body };
  }

  /** All that is due is looked after, of each tenant. */
  async sweep(): Promise<void> {
    this.#outside.subrequests = 0;
    const tenants = this.#platform.namespace<{ alarm(): Promise<void>; watch(): Promise<void> }>(
      this.#outside,
      "Tenant",
    );
    for (const { name } of this.#world.clients) {
      await tenants.getByName(name).alarm();
      await tenants.getByName(name).watch();
      await tenants.getByName(name).alarm();
    }
    for (const { name, storage } of this.#platform.storages("Runner")) {
      const [table] = storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'job'");
      const [job] = table ? storage.sql.exec("SELECT batch FROM job") : [];
      if (job) this.#world.break(`the Runner ${name} has something left`);
    }
  }

  end(): void {
    this.#platform.end();
  }

  /** What the objects' `fetch` leads to: the model server, or the site of webhooks. */
  async call(input: unknown, init: RequestInit = {}): Promise<Response> {
    const { hostname } = new URL(String(input));
    const headers = new Headers(init.headers);
    const signal = init.signal ?? new AbortController().signal;
    const life = this.#lives.get(hostname);
    if (!life) {
      const send = this.#world.site.for(lifetimeOf(this.#outside));
      const sent = { headers: Object.fromEntries(headers), body: String(init.body), signal };
      return new Response(null, { status: await send(String(input), sent) });
    }
    return life.connect(async () => {
      const model = this.#world.model.for(lifetimeOf(life));
      const idempotencyKey = headers.get("idempotency-key") ?? "";
      const asked = { url: "", body: init.body as Uint8Array, idempotencyKey };
      const { status, body, retryAfterMs } = await model.infer(asked, signal);
      const after = new Headers();
      if (retryAfterMs !== undefined) after.set("retry-after-ms", String(retryAfterMs));
      return new Response(body as Uint8Array<ArrayBuffer>, { status, headers: after });
    });
  }

  #deploys(): void {
    const { clock, chance } = this.#world;
    if (!Number.isFinite(this.#world.faults.deployMs)) return;
    clock.after(chance.wait(this.#world.faults.deployMs), () => {
      if (Number.isFinite(this.#world.faults.deployMs)) {
        this.#world.interrupt(clock.now);
        this.#platform.deploy();
      }
      this.#deploys();
    });
  }

  /** As they are at the moment. */
  #faults() {
    const world = this.#world;
    return {
      ...noFaults,
      get evictionMs() {
        const { killMs } = world.faults;
        return { Tenant: killMs, Runner: killMs, Lane: killMs };
      },
      get lostAlarm() {
        return world.faults.lostAlarm;
      },
    };
  }

  #address(life: ObjectLife): string {
    const name = `object-${this.#lives.size}`;
    this.#lives.set(name, life);
    // One that is evicted, or put away, may leave a call without its answer.
    life.deaths.add(() => this.#world.interrupt(this.#world.clock.now));
    return `http://${name}/v1`;
  }

  #bucket(life: ObjectLife): Bucket {
    const world = this.#world;
    const { objects } = world.bucket;
    const call = <T>(isWrite: boolean, act: () => T): Promise<T> =>
      life.connect(() => {
        const slow = world.happens("slow") ? world.chance.wait(world.faults.slowMs) : 0;
        const isRefused = world.happens("blobRefused") || world.clock.now < world.outageUntil;
        const isLost = isWrite && world.happens("blobLost");
        return life.later(30 + slow, () => {
          const value = isRefused ? undefined : act();
          if (isRefused || isLost)
            throw new Error("R2: We encountered an internal error. Please try again. (10001)");
          return value as T;
        });
      });
    const parts = () => Promise.reject(new Error("files are too small here for parts"));
    return {
      head: (key) =>
        call(false, () => {
          const object = objects.get(key);
          return object ? { size: object.length } : null;
        }),
      get: (key, { range } = {}) =>
        call(false, () => {
          const object = objects.get(key);
          if (!object) return null;
          const { offset = 0, length = object.length } = range ?? {};
          if (offset >= object.length || length === 0)
            throw new Error("R2: The requested range is not satisfiable (10039)");
          const bytes = object.slice(offset, offset + length);
          return {
            size: object.length,
            body: new Blob([bytes]).stream(),
            arrayBuffer: async () => bytes.buffer as ArrayBuffer,
          };
        }),
      put: (key, value) => {
        const bytes = value.slice();
        return call(true, () => void objects.set(key, bytes));
      },
      delete: (keys) =>
        call(true, () => {
          if (world.mutant === "sweep") return;
          for (const key of [keys].flat()) objects.delete(key);
        }),
      createMultipartUpload: parts,
      resumeMultipartUpload: () => ({ abort: parts }),
    };
  }
}

/** An object's life, as what the world is made of looks at it. */
function lifetimeOf(life: ObjectLife): Lifetime {
  return {
    get isDead() {
      return life.isDead;
    },
    stalledUntil: 0,
    onDeath(call) {
      life.deaths.add(call);
      return () => void life.deaths.delete(call);
    },
  };
}

/** What a query does to a Tenant's key-value store, if anything. */
function opOf(query: string, [key, value]: unknown[]): KVOp | undefined {
  const text = () => new TextDecoder().decode(key as Uint8Array);
  if (query.startsWith("INSERT OR REPLACE INTO kv"))
    return { type: "set", key: text(), value: value as Uint8Array };
  return query.startsWith("DELETE FROM kv WHERE key") ? { type: "delete", key: text() } : undefined;
}
