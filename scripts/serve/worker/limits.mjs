// The Worker behind the platform's limits, which workerd alone does not have: six connections that wait for headers, a
// budget of subrequests, processor time of a turn, bytes of an isolate, and values of 2 MB. `PLATFORM_LIMITS=1 npm start`, and
// every test of the Worker. With PLATFORM_EVICTIONS objects die now and then too.
import { AsyncLocalStorage } from "node:async_hooks";
import worker, * as objects from "../../../js/worker/index.ts";
import { counted } from "./memory.mjs";

/** Connections of one invocation, or of one Durable Object, that may wait for headers. A seventh waits for its turn. */
const CONNECTIONS = 6;
/** Calls of one invocation, unless PLATFORM_LIMITS is a number above 1. */
const SUBREQUESTS = 10_000;
/**
 * Processor time of an alarm, unless PLATFORM_CPU_MS is another number: by default, and where `[limits]` are set, as they are for
 * more subrequests than usual; and how often it is looked at.
 */
const CPU_MS = 30_000;
const MOST_CPU_MS = 300_000;
const LOOK_MS = 500;
/** A value or a row of a Durable Object. */
const MOST_BYTES = 2 * 1024 * 1024;

/**
 * Has an object die as in an eviction, in the middle of whatever it does, once it lived as long as chance will have it: for so many
 * seconds on average.
 */
function evict(ctx, { PLATFORM_EVICTIONS: seconds }) {
  const ms = Number(seconds) * 1_000 * (0.5 + Math.random());
  if (ms > 0) setTimeout(() => ctx.abort("evicted"), ms);
}

/** Of one request, or of one object: calls into the same object share its connections. */
class Limits {
  #most;
  #calls = 0;
  #waiting = 0;
  #queue = [];
  #events = 0;

  /** `ctx` is an object's. */
  constructor(env, ctx) {
    this.#most = Number(env.PLATFORM_LIMITS) > 1 ? Number(env.PLATFORM_LIMITS) : SUBREQUESTS;
    this.ctx = ctx;
    this.clock = env.PLATFORM_CPU_URL;
    this.cpuMs = Number(env.PLATFORM_CPU_MS) || (this.#most > SUBREQUESTS ? MOST_CPU_MS : CPU_MS);
    this.memory = Number(env.PLATFORM_MEMORY_BYTES);
  }

  /** Runs an event. The budget is anew once there is none: a Runner that is spoken to in its alarm has no other for it. */
  async event(work) {
    if (this.#events++ === 0) this.#calls = 0;
    try {
      return await inside.run(this, work);
    } finally {
      this.#events--;
    }
  }

  count() {
    if (++this.#calls > this.#most) throw new Error("Too many subrequests.");
  }

  /** A call that has a connection until its headers are there. */
  async connect(work) {
    this.count();
    if (this.#waiting === CONNECTIONS) await new Promise((next) => this.#queue.push(next));
    else this.#waiting++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#waiting--;
    }
  }
}

/** Whose code runs. What wasm does between is its own affair: a call may count for another Runner of the isolate. */
const inside = new AsyncLocalStorage();
const stray = new Limits({});
const current = () => inside.getStore() ?? stray;

const unlimited = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const limits = current();
  const call = () => limits.connect(() => unlimited(input, init));
  // What a request passes on is not kept by it.
  return limits.ctx ? counted(init?.body, limits.memory, call) : call();
};

/**
 * An alarm within its processor time, or its object is reset in the middle, as on the platform. It is the time of all of workerd:
 * what the platform itself does there counts too, and so do other turns at the same time. What passes here does so there.
 */
async function withinCpu(limits, work) {
  const { ctx, clock, cpuMs } = limits;
  if (!clock) return work();
  const used = async () => Number(await (await unlimited(clock)).text());
  const before = used().catch(() => Number.NaN);
  const looking = setInterval(async () => {
    const ms = (await used().catch(() => Number.NaN)) - (await before);
    if (!(ms > cpuMs)) return;
    clearInterval(looking);
    const text = "Durable Object exceeded its CPU time limit and was reset.";
    console.error(JSON.stringify({ event: "platform.reset", message: text, cpu_ms: ms }));
    ctx.abort(text);
  }, LOOK_MS);
  try {
    return await work();
  } finally {
    clearInterval(looking);
  }
}

const through = (target, call) =>
  new Proxy(target, {
    get(_, name) {
      const value = target[name];
      return typeof value === "function" ? (...args) => call(name, args) : value;
    },
  });

function limitedUpload(upload, limits) {
  return through(upload, (name, args) => limits().connect(() => upload[name](...args)));
}

function limitedBucket(bucket, limits) {
  return through(bucket, (name, args) => {
    if (name === "resumeMultipartUpload") return limitedUpload(bucket[name](...args), limits);
    const answer = limits().connect(() => bucket[name](...args));
    return name === "createMultipartUpload" ? answer.then((upload) => limitedUpload(upload, limits)) : answer;
  });
}

/** Calls to other objects need no connection, and count as subrequests. */
function limitedObjects(namespace, limits) {
  const counted = (stub) =>
    through(stub, async (name, args) => {
      limits().count();
      return stub[name](...args);
    });
  return { getByName: (name) => counted(namespace.getByName(name)) };
}

function limitedEnv(env, limits) {
  const limited = Object.entries(env).map(([name, value]) => {
    if (typeof value?.getByName === "function") return [name, limitedObjects(value, limits)];
    if (typeof value?.createMultipartUpload === "function") return [name, limitedBucket(value, limits)];
    return [name, value];
  });
  return Object.fromEntries(limited);
}

function limitValues(storage) {
  const { sql } = storage;
  const exec = (query, ...bindings) => {
    let bytes = 0;
    for (const value of bindings)
      bytes += value?.byteLength ?? (typeof value === "string" ? value.length : 8);
    if (bytes > MOST_BYTES) throw new Error("string or blob too big: SQLITE_TOOBIG");
    return sql.exec(query, ...bindings);
  };
  Object.defineProperty(storage, "sql", { value: { exec } });
}

const limitsOf = new WeakMap();

/** A class of Durable Objects, each with its limits. To look at the storage of one that stores nothing would open a database. */
function limited(Class, { stores = true } = {}) {
  class Limited extends Class {
    constructor(ctx, env) {
      const limits = new Limits(env, ctx);
      if (stores) limitValues(ctx.storage);
      super(
        ctx,
        limitedEnv(env, () => limits),
      );
      limitsOf.set(this, limits);
      evict(ctx, env);
    }
  }
  for (const name of Object.getOwnPropertyNames(Class.prototype)) {
    const method = Class.prototype[name];
    if (name === "constructor") continue;
    Limited.prototype[name] = function (...args) {
      const limits = limitsOf.get(this);
      const call = () => method.apply(this, args);
      return limits.event(name === "alarm" ? () => withinCpu(limits, call) : call);
    };
  }
  return Limited;
}

export const Tenant = limited(objects.Tenant);
export const Runner = limited(objects.Runner);
export const Lane = limited(objects.Lane, { stores: false });

const envs = new WeakMap();

/** One for an isolate, as the real one: what is remembered by it stays. */
function envOf(env) {
  if (!envs.has(env)) envs.set(env, limitedEnv(env, current));
  return envs.get(env);
}

export default {
  fetch: (request, env, ctx) => new Limits(env).event(() => worker.fetch(request, envOf(env), ctx)),
  scheduled: (event, env, ctx) => new Limits(env).event(() => worker.scheduled(event, envOf(env), ctx)),
};
