/**
 * A world of its own, all of it from one seed: clients and tenants, a server that dies and comes again, its store, its files, a model server,
 * the time. What the server is made of is the real thing, down to the contracts of its adapters; what it stands on is simulated. The same
 * seed gives the same history.
 */

import { createHash, createHmac } from "node:crypto";
import "../../../js/entry/node.ts";
import { Clock } from "../../../benches/worker/simulation/clock.ts";
import { Chance } from "../../../benches/worker/simulation/random.ts";
import { setRandom, webRandom } from "../../../js/core/random.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { kernelRandom } from "../../../js/node/random.ts";
import { Broken } from "./broken.ts";
import { Client } from "./client.ts";
import { type Faults, none, rough } from "./faults.ts";
import { Invariants } from "./invariants.ts";
import type { Life } from "./life.ts";
import { Model } from "./model.ts";
import { ServerProcess } from "./process.ts";
import { Site } from "./site.ts";
import { Bucket, Store } from "./stores.ts";
import type { Mutant, Surroundings } from "./surroundings.ts";

export interface WorldOptions {
  seed: number;
  faults?: Partial<Faults>;
  tenants?: number;
  /** Servers that share a store. */
  servers?: number;
  /** Batches of each tenant. */
  batches?: number;
  /** Requests of a batch, at most. */
  requests?: number;
  /** Whether each write and look is in the history. */
  trace?: boolean;
  /** What is wrong with this world: for tests of its invariants. */
  mutant?: Mutant;
}

export interface WorldReport {
  seed: number;
  /** What did not hold; absent when everything did. */
  broken?: string;
  history: string[];
  /** Of the whole history. */
  sum: string;
  virtualHours: number;
  batches: number;
  requests: number;
  calls: number;
  kills: number;
  faults: number;
}

const DAY_MS = 86_400_000;
/** What goes on for longer than this will not end. */
const MOST_MS = 10 * DAY_MS;

export class World implements Surroundings {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly mutant: Mutant | undefined;
  readonly history: string[] = [];
  readonly store: Store;
  readonly bucket: Bucket;
  readonly model: Model;
  readonly site: Site;
  readonly invariants: Invariants;
  readonly clients: Client[];
  faults: Faults;
  readonly servers: number;
  readonly #serving = new Set<ServerProcess>();
  kills = 0;
  interruptions = 0;
  happened = 0;
  #lives = 0;
  #broken: string | undefined;
  #isOver = false;
  readonly #traces: boolean;
  /** Until when the store is away, and the model server throttles. */
  outageUntil = 0;
  stormUntil = 0;

  constructor(options: WorldOptions, start: number) {
    const { seed, faults = rough, tenants = 2, batches = 3, requests = 60 } = options;
    this.mutant = options.mutant;
    this.servers = options.servers ?? 1;
    this.#traces = options.trace ?? false;
    this.clock = new Clock(start);
    this.chance = new Chance(seed);
    this.faults = { ...none, ...faults };
    this.invariants = new Invariants(this);
    this.store = new Store(this, () => new MemoryKV());
    this.bucket = new Bucket(this);
    this.model = new Model(this);
    this.site = new Site(this);
    const names = Array.from({ length: tenants }, (_, i) => `tenant${i}`);
    this.clients = names.map((name) => new Client(this, { name, batches, requests }));
  }

  /** Says what happens, for who reads how it came to it. */
  note(what: string): void {
    const time = (this.clock.now % DAY_MS) / 1_000;
    this.history.push(`${time.toFixed(3)} ${what}`);
  }

  /** As `note`, of what only a trace has. */
  trace(what: () => string): void {
    if (this.#traces) this.note(what());
  }

  /** A fault, if chance has it so. */
  happens(probability: number): boolean {
    const does = this.chance.happens(probability);
    if (does) this.happened++;
    return does;
  }

  break(what: string): void {
    if (this.#broken !== undefined) return;
    this.#broken = what;
    this.note(`BROKEN: ${what}`);
  }

  kill(server: ServerProcess): void {
    if (server.life.isDead) return;
    this.kills++;
    this.interruptions++;
    this.note(`server ${server.life.number} dies`);
    server.life.die();
    this.#serving.delete(server);
    this.clock.after(this.chance.wait(2_000), () => this.#serve());
  }

  anyServer(): ServerProcess | undefined {
    const all = [...this.#serving];
    return all.length > 1 ? all[Math.floor(this.chance.next() * all.length)] : all[0];
  }

  announce(tenant: string, by: Life): void {
    for (const server of this.#serving)
      if (server.life !== by) this.clock.after(this.chance.wait(20), () => server.changedElsewhere(tenant));
  }

  #serve(): void {
    if (this.#isOver) return;
    const server = new ServerProcess(this, ++this.#lives);
    this.#serving.add(server);
    this.note(`server ${this.#lives} starts`);
    if (!Number.isFinite(this.faults.killMs)) return;
    this.clock.after(this.chance.wait(this.faults.killMs), () => {
      if (Number.isFinite(this.faults.killMs)) this.kill(server);
    });
  }

  /** Something that comes again and again, and lasts. */
  #weather(every: keyof Faults, lasts: keyof Faults, begin: (until: number) => void): void {
    if (!Number.isFinite(this.faults[every])) return;
    this.clock.after(this.chance.wait(this.faults[every]), () => {
      const ms = this.chance.wait(this.faults[lasts]);
      if (Number.isFinite(this.faults[every])) {
        this.happened++;
        this.note(`${lasts}: ${Math.round(ms)} ms`);
        begin(this.clock.now + ms);
      }
      this.#weather(every, lasts, begin);
    });
  }

  async run(): Promise<void> {
    for (let i = 0; i < this.servers; i++) this.#serve();
    this.#weather("outageMs", "outageForMs", (until) => {
      this.outageUntil = until;
    });
    this.#weather("stallMs", "stallForMs", (until) => {
      const server = this.anyServer();
      if (!server) return;
      server.life.stalledUntil = until;
      // Others may take over what it has.
      if (this.servers > 1) this.interruptions++;
    });
    this.#weather("stormMs", "stormForMs", (until) => {
      this.stormUntil = until;
    });
    const begun = this.clock.now;
    const stops = () => this.#broken !== undefined || this.clock.now - begun > MOST_MS;
    let done = false;
    const all = async () => {
      await Promise.all(this.clients.map((client) => client.run()));
      // From here on nothing goes wrong: what was promised has to come true.
      this.faults = { ...none };
      [this.outageUntil, this.stormUntil] = [0, 0];
      this.note("nothing goes wrong any more");
      await Promise.all(this.clients.map((client) => client.settle()));
      // Objects that nobody named are swept after a day.
      await this.clock.sleep(2 * DAY_MS);
      for (const server of this.#serving) await server.sweep();
      await this.invariants.atTheEnd();
      done = true;
    };
    all().catch((error) =>
      this.break(error instanceof Broken ? error.message : String(error?.stack ?? error)),
    );
    await this.clock.run(() => done || stops());
    if (!done) this.break("it did not come to its end");
    this.#isOver = true;
    for (const server of this.#serving) server.life.die();
  }

  get broken(): string | undefined {
    return this.#broken;
  }
}

/** A later world in the same process begins later: what is left of one that is over does nothing. */
let epoch = Date.UTC(2026, 0, 1);

export async function simulate(options: WorldOptions): Promise<WorldReport> {
  const start = epoch;
  const world = new World(options, start);
  const uninstall = world.clock.install(world.chance);
  const restore = [uninstall, quiet(), steady(world.clock)];
  try {
    await world.run();
  } finally {
    for (const undo of restore.reverse()) undo();
  }
  epoch = start;
  const { broken, history, kills, happened } = world;
  return {
    seed: options.seed,
    ...(broken !== undefined && { broken }),
    history,
    sum: createHash("sha256").update(history.join("\n")).digest("hex").slice(0, 16),
    virtualHours: (world.clock.now - start) / 3_600_000,
    batches: world.clients.reduce((sum, { made }) => sum + made, 0),
    requests: world.model.lines,
    calls: world.model.calls,
    ...{ kills, faults: happened },
  };
}

/** Nothing is printed of what is logged. */
function quiet(): () => void {
  const { log, warn, error } = console;
  const nothing = () => {};
  Object.assign(console, { log: nothing, warn: nothing, error: nothing });
  return () => void Object.assign(console, { log, warn, error });
}

/** Sums are made at once, and the other clock is the world's too: threads and real time would make no two worlds alike. */
function steady(clock: Clock): () => void {
  const { now } = performance;
  // It goes to the seed's chance, as the rest of `crypto` does here.
  setRandom(webRandom);
  performance.now = () => clock.now;
  const bytes = (data: BufferSource) =>
    data instanceof ArrayBuffer
      ? new Uint8Array(data)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const copy = (buffer: Buffer) => new Uint8Array(buffer).buffer;
  const subtle = {
    digest: async (name: string, data: BufferSource) =>
      copy(createHash(name.replace("-", "").toLowerCase()).update(bytes(data)).digest()),
    importKey: async (_: string, key: BufferSource) => bytes(key),
    sign: async (_: string, key: Uint8Array, data: BufferSource) =>
      copy(createHmac("sha256", key).update(bytes(data)).digest()),
  };
  Object.defineProperty(globalThis.crypto, "subtle", { configurable: true, value: subtle });
  return () => {
    performance.now = now;
    setRandom(kernelRandom);
  };
}
