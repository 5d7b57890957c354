/**
 * A world of its own, all of it from one seed: clients and tenants, a server that dies and comes again, its store, its files, a model server,
 * the time. What the server is made of is the real thing, down to the contracts of its adapters; what it stands on is simulated. The same
 * seed gives the same history.
 */

import { createHash } from "node:crypto";
import "../../../js/entry/node.ts";
import { Clock } from "../../../benches/worker/simulation/clock.ts";
import { Chance } from "../../../benches/worker/simulation/random.ts";
import type { KVOp } from "../../../js/core/types.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { SqliteKV } from "../../../js/hosts/kv/sqlite.ts";
import { Broken } from "./broken.ts";
import { Client } from "./client.ts";
import { type Chances, type Faults, lasting, none, rough } from "./faults.ts";
import { inherit, LEFT_BY } from "./inheritance.ts";
import { Invariants } from "./invariants.ts";
import { aheadMs, Life, Machine } from "./life.ts";
import { collectGarbage, type Sample } from "./measure.ts";
import { Model } from "./model.ts";
import { ServerProcess } from "./process.ts";
import { Site } from "./site.ts";
import { FixedLengthStream, quiet, steady } from "./steady.ts";
import { Bucket, Store } from "./stores.ts";
import type { Mutant, Server, Surroundings } from "./surroundings.ts";
import { type WorkerModule, Workers } from "./workers.ts";

export interface WorldOptions {
  seed: number;
  faults?: Partial<Faults>;
  tenants?: number;
  /** Servers that share a store. */
  servers?: number;
  /** The Worker's objects serve, and no processes. */
  workers?: boolean;
  /** Batches of each tenant. */
  batches?: number;
  /** Requests of a batch, at most. */
  requests?: number;
  /** Clients go on for so long, whatever `batches` says: then the memory and the timers of each part of it are measured. */
  hours?: number;
  /** Called with each part of these hours, as it is measured. */
  measured?: (sample: Sample) => void;
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
  /** How often what went wrong. */
  faults: Partial<Record<keyof Faults, number>>;
  /** What the process had at the end of each eighth of its hours. */
  samples: Sample[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Lines of a history that are kept of a world that goes on for hours. */
const MOST_HISTORY = 5_000;
/** What goes on for longer than this will not end. */
const MOST_MS = 10 * DAY_MS;
/** How far a clock is off at most: what two of them differ by is less than the window of a batch. */
const MOST_AHEAD_MS = 10 * 3_600_000;
/** From here on clocks that differ make somebody believe that a lease has ended long ago. */
const FAR_MS = 40_000;

export class World implements Surroundings {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly mutant: Mutant | undefined;
  readonly history: string[] = [];
  readonly store: Surroundings["store"];
  readonly bucket: Bucket;
  readonly model: Model;
  readonly site: Site;
  readonly invariants: Invariants;
  readonly clients: Client[];
  faults: Faults;
  readonly servers: number;
  readonly workers: Workers | undefined;
  readonly #begun: number;
  readonly #serving = new Set<ServerProcess>();
  readonly #machines: Machine[];
  kills = 0;
  interruptions = 0;
  readonly happened: WorldReport["faults"] = {};
  #lives = 0;
  #broken: string | undefined;
  #isOver = false;
  isCalm = false;
  readonly goesOnUntil: number | undefined;
  readonly samples: Sample[] = [];
  readonly #measured: ((sample: Sample) => void) | undefined;
  readonly #sum = createHash("sha256");
  readonly #traces: boolean;
  /** Until when the store is away, or is full, and the model server throttles. */
  outageUntil = 0;
  fullUntil = 0;
  stormUntil = 0;

  constructor(options: WorldOptions, start: number, worker?: WorkerModule) {
    const { seed, tenants = 2, batches = 3, requests = 60, hours } = options;
    const { faults = hours === undefined ? rough : lasting } = options;
    if (hours !== undefined) this.goesOnUntil = start + hours * HOUR_MS;
    this.#measured = options.measured;
    this.mutant = options.mutant;
    this.servers = options.servers ?? 1;
    this.#machines = Array.from({ length: this.servers }, () => new Machine());
    this.#traces = options.trace ?? false;
    this.#begun = start;
    this.clock = new Clock(start);
    this.chance = new Chance(seed);
    this.faults = { ...none, ...faults };
    this.invariants = new Invariants(this);
    const names = Array.from({ length: tenants }, (_, i) => `tenant${i}`);
    this.clients = names.map((name) => new Client(this, { name, batches, requests }));
    this.bucket = new Bucket(this);
    this.model = new Model(this);
    this.site = new Site(this);
    if (worker) {
      const workers = new Workers(this, worker);
      this.workers = workers;
      const none = () => {
        throw new Error("a Worker's objects have their stores by themselves");
      };
      this.store = { of: (tenant) => workers.of(tenant), for: none };
    } else {
      // What is stored is to be no part of the memory that is measured.
      this.store = new Store(this, () => (hours === undefined ? new MemoryKV() : new SqliteKV(":memory:")));
    }
  }

  /** Says what happens, for who reads how it came to it. */
  note(what: string): void {
    const time = (this.clock.now % DAY_MS) / 1_000;
    const line = `${time.toFixed(3)} ${what}`;
    this.#sum.update(`${line}\n`);
    this.history.push(line);
    if (this.history.length > 2 * MOST_HISTORY && this.goesOnUntil !== undefined)
      this.history.splice(0, MOST_HISTORY);
  }

  /** Of the whole history. */
  get sum(): string {
    return this.#sum.copy().digest("hex").slice(0, 16);
  }

  #measure(everyMs: number): void {
    this.clock.after(everyMs, () => {
      if (this.clock.now > (this.goesOnUntil ?? 0)) return;
      collectGarbage();
      const sample = {
        hour: (this.clock.now - this.#begun) / HOUR_MS,
        batches: this.clients.reduce((sum, { made }) => sum + made, 0),
        heapBytes: process.memoryUsage().heapUsed,
        timers: this.clock.pending,
      };
      this.samples.push(sample);
      this.#measured?.(sample);
      this.#measure(everyMs);
    });
  }

  /** As `note`, of what only a trace has. */
  trace(what: () => string): void {
    if (this.#traces) this.note(what());
  }

  /** A fault, if chance has it so. */
  happens(fault: Chances): boolean {
    const does = this.chance.happens(this.faults[fault]);
    if (does) this.#count(fault);
    return does;
  }

  #count(fault: keyof Faults): void {
    this.happened[fault] = (this.happened[fault] ?? 0) + 1;
  }

  break(what: string): void {
    if (this.#broken !== undefined) return;
    this.#broken = what;
    this.note(`BROKEN: ${what}`);
  }

  kill(server: ServerProcess): void {
    if (server.life.isDead) return;
    this.kills++;
    this.#count("killMs");
    this.interruptions++;
    this.note(`server ${server.life.number} dies`);
    server.life.die();
    this.#serving.delete(server);
    this.clock.after(this.chance.wait(2_000), () => this.#serve(server.life.machine));
  }

  anyServer(): Server | undefined {
    if (this.workers) return this.workers;
    const all = [...this.#serving];
    return all.length > 1 ? all[Math.floor(this.chance.next() * all.length)] : all[0];
  }

  announce(tenant: string, by: Life): void {
    for (const server of this.#serving) {
      if (server.life === by || this.happens("unannounced")) continue;
      for (let times = this.happens("announcedTwice") ? 2 : 1; times > 0; times--)
        this.clock.after(this.chance.wait(20), () => server.changedElsewhere(tenant));
    }
  }

  #serve(machine: Machine): void {
    if (this.#isOver) return;
    const life = new Life(++this.#lives, machine, this.happens("older"));
    const server = life.run(() => new ServerProcess(this, life));
    this.#serving.add(server);
    this.note(`server ${life.number} starts${life.isOlder ? ", of the build before" : ""}`);
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
        this.#count(every);
        this.note(`${lasts}: ${Math.round(ms)} ms`);
        begin(this.clock.now + ms);
      }
      this.#weather(every, lasts, begin);
    });
  }

  async run(): Promise<void> {
    // What the first version left was never a Worker's.
    if (!this.workers && this.happens("inherited")) await this.#inherit();
    const machines = this.#machines;
    if (!this.workers) for (const machine of machines) this.#serve(machine);
    this.#weather("outageMs", "outageForMs", (until) => {
      this.outageUntil = until;
      this.interrupt(until);
    });
    this.#weather("stallMs", "stallForMs", (until) => {
      const all = [...this.#serving];
      const server = all[Math.floor(this.chance.next() * all.length)];
      if (!server) return;
      server.life.stalledUntil = until;
      // Others may take over what it has, and what it begins meanwhile.
      if (this.servers > 1) this.interrupt(until);
    });
    this.#weather("fullMs", "fullForMs", (until) => {
      this.fullUntil = until;
      // A turn that can store nothing for so long ends, and with it what it could not store.
      this.interrupt(until);
    });
    this.#weather("jumpMs", "jumpByMs", (until) => this.#setClock(machines, until - this.clock.now));
    this.#weather("stormMs", "stormForMs", (until) => {
      this.stormUntil = until;
    });
    if (this.goesOnUntil !== undefined) this.#measure((this.goesOnUntil - this.#begun) / 8);
    const stops = () => this.#broken !== undefined || this.clock.now - this.#begun > MOST_MS;
    let done = false;
    const all = async () => {
      await Promise.all(this.clients.map((client) => client.run()));
      // From here on nothing goes wrong: what was promised has to come true.
      this.faults = { ...none };
      [this.outageUntil, this.fullUntil, this.stormUntil] = [0, 0, 0];
      for (const machine of machines) machine.aheadMs = 0;
      this.note("nothing goes wrong any more");
      await Promise.all(this.clients.map((client) => client.settle()));
      this.isCalm = true;
      // Objects that nobody named are swept after a day.
      await this.clock.sleep(2 * DAY_MS);
      for (const server of this.#serving) await server.sweep();
      await this.workers?.sweep();
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
    if (this.workers) {
      this.kills += this.workers.incidents.evictions + this.workers.incidents.laneDeaths;
      for (const [fault, times] of [
        ["killMs", this.kills],
        ["deployMs", this.workers.incidents.deploys],
        ["lostAlarm", this.workers.incidents.lostAlarms],
      ] as const)
        if (times > 0) this.happened[fault] = times;
      this.workers.end();
    }
  }

  /** What is begun until then may be lost. */
  interrupt(until: number): void {
    this.interruptions++;
    this.clock.after(until - this.clock.now, () => void this.interruptions++);
  }

  get clocksDiffer(): boolean {
    const all = this.#machines.map(({ aheadMs }) => aheadMs);
    return Math.max(...all) - Math.min(...all) > FAR_MS;
  }

  /** As somebody who sets it by hand does, or puts it right. */
  #setClock(machines: Machine[], ms: number): void {
    const machine = machines[Math.floor(this.chance.next() * machines.length)] as Machine;
    const by = Math.min(ms, MOST_AHEAD_MS);
    machine.aheadMs = this.chance.happens(0.4) ? 0 : this.chance.happens(0.5) ? by : -by;
    this.note(`a clock is ${Math.round(machine.aheadMs)} ms ahead`);
    // What is under way may seem to have taken too long, and what is another's to have been left.
    this.interruptions++;
  }

  async #inherit(): Promise<void> {
    const [{ name }, client] = [this.clients[0] as Client, this.clients[0] as Client];
    const written = (ops: KVOp[]) => this.invariants.written(name, ops);
    const left = await inherit(
      { name, kv: this.store.of(name), written },
      this.bucket.objects,
      this.chance.next(),
    );
    this.note(`${name} has ${left.id}, as the first version left it: ${left.phase}`);
    client.inherited = left;
  }

  get broken(): string | undefined {
    return this.#broken;
  }
}

/** A later world in the same process begins later: what is left of one that is over does nothing. */
let epoch = LEFT_BY;

export async function simulate(options: WorldOptions): Promise<WorldReport> {
  const start = epoch;
  const worker = options.workers ? await import("../../../benches/worker/simulation/worker.ts") : undefined;
  const world = new World(options, start, worker);
  const uninstall = world.clock.install(world.chance, () => world.clock.now + Math.round(aheadMs()));
  const unhandled = (error: unknown) => world.break(`a rejection that nobody handles: ${error}`);
  process.on("unhandledRejection", unhandled);
  const { fetch } = globalThis;
  const { workers } = world;
  if (workers) {
    globalThis.fetch = (input, init) => workers.call(input, init);
    Object.assign(globalThis, { FixedLengthStream });
  }
  const restore = [
    () => void Object.assign(globalThis, { fetch }),
    ...[uninstall, quiet(), steady(world.clock)],
    () => void process.off("unhandledRejection", unhandled),
  ];
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
    ...{ sum: world.sum, samples: world.samples },
    virtualHours: (world.clock.now - start) / 3_600_000,
    batches: world.clients.reduce((sum, { made }) => sum + made, 0),
    requests: world.model.lines,
    calls: world.model.calls,
    ...{ kills, faults: { ...happened } },
  };
}
