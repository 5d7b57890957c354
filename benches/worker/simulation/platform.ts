/** Durable Objects as the platform has them, with all that it does to them: they are put away, evicted, replaced, slowed down. */

import type { SqlDurableObjectStorage } from "../../../js/hosts/kv/durable-object.ts";
import type { Bucket, DurableObjectNamespace, DurableObjectState, Env } from "../../../js/worker/env.ts";
import { CONNECTIONS } from "../../../js/worker/settings.ts";
import type { Clock } from "./clock.ts";
import type { Faults, Kind } from "./faults.ts";
import { contextOf, Life } from "./life.ts";
import type { Meter } from "./meter.ts";
import type { Chance } from "./random.ts";
import { Storage } from "./storage.ts";

/** One way of a call between objects. */
const CALL_MS = 1;
/** An object that is not in memory starts. */
const START_MS = 50;
/** An alarm comes later than it was set for, by up to this. */
const ALARM_MS = 50;
/** An alarm whose handler died comes again, unless another was set. */
const ALARM_RETRY_MS = 2_000;
/** What the storage of a dead object says. */
export const GONE = "the object is gone";
const MINUTE_MS = 60_000;

type Instance = Record<string, (...args: unknown[]) => Promise<unknown>>;
export type Classes = Record<Kind, new (ctx: DurableObjectState, env: Env) => object>;

interface Simulated {
  kind: Kind;
  name: string;
  storage: Storage;
  alarm: number | null;
  /** Of the alarm that was set last. */
  alarmSet: number;
  isInAlarm: boolean;
  life?: Life;
  instance?: Instance;
}

export interface PlatformOptions {
  clock: Clock;
  chance: Chance;
  meter: Meter;
  faults: Faults;
  classes: Classes;
  /** Most subrequests of an invocation. */
  subrequests: number;
  vars: Partial<Env>;
  bucket: (life: Life) => Bucket;
  /** Where an object's calls to the model server go. */
  upstream: (life: Life) => string;
  /** A file for the storage of Runners, where much is to be kept. */
  path?: string | undefined;
  /** Called when a turn begins. */
  onTurn: () => void;
  /** Called each minute. */
  cron: (platform: Platform) => void;
  /** How what goes from one object to another arrives; absent, as it is. */
  carry?: <T>(value: T) => T;
  /** Runs code of an object. */
  enter?: <T>(life: Life, work: () => T) => T;
  /** Whether a call to an object of this kind comes to nothing: on its way there, or on its way back. */
  loses?: (kind: Kind) => "call" | "reply" | undefined;
  /** Called when one comes to nothing. */
  onLost?: (kind: Kind) => void;
  /** Called before an object's database is asked for something. */
  onQuery?: (object: { kind: Kind; name: string }, query: string, bindings: unknown[]) => void;
}

export interface Incidents {
  evictions: number;
  laneDeaths: number;
  deploys: number;
  lostAlarms: number;
  throttledStarts: number;
  starts: number;
  turns: number;
  mostSubrequests: number;
}

export class Platform {
  readonly incidents: Incidents = {
    ...{ evictions: 0, laneDeaths: 0, deploys: 0, lostAlarms: 0, throttledStarts: 0 },
    ...{ starts: 0, turns: 0, mostSubrequests: 0 },
  };
  readonly #options: PlatformOptions;
  readonly #objects = new Map<string, Simulated>();
  #startedSecond = 0;
  #startedInSecond = 0;

  constructor(options: PlatformOptions) {
    this.#options = options;
    const { clock, chance, faults, meter } = options;
    const cron = () => {
      meter.usage.workerRequests++;
      options.cron(this);
      clock.after(MINUTE_MS, cron);
    };
    clock.after(MINUTE_MS, cron);
    const deploy = () => {
      this.deploy();
      clock.after(faults.deployMs * (0.5 + chance.next()), deploy);
    };
    if (Number.isFinite(faults.deployMs)) clock.after(faults.deployMs * (0.5 + chance.next()), deploy);
  }

  /** A new version of the Worker replaces all objects at once. */
  deploy(): void {
    this.incidents.deploys++;
    for (const object of this.#objects.values()) this.#kill(object);
  }

  /** What objects of a kind have stored, as it is. */
  *storages(kind: Kind): Generator<{ name: string; storage: SqlDurableObjectStorage }> {
    for (const { kind: of, name } of this.#objects.values())
      if (of === kind) yield { name, storage: this.storageOf(kind, name) };
  }

  storageOf(kind: Kind, name: string): SqlDurableObjectStorage {
    const { storage } = this.#object(kind, name);
    return {
      sql: { exec: (query, ...bindings) => storage.exec(query, bindings) },
      transactionSync: (work) => storage.transaction(work),
    };
  }

  /** What the Worker's own code, or an object's, gets of its bindings. */
  env(life: Life): Env {
    const { vars, bucket, upstream } = this.#options;
    return {
      ...vars,
      FILES: bucket(life),
      TENANTS: this.namespace(life, "Tenant"),
      RUNNERS: this.namespace(life, "Runner"),
      LANES: this.namespace(life, "Lane"),
      UPSTREAM_URL: upstream(life),
    };
  }

  /** A caller that is no object, never dies, and is not billed. */
  outside(): Life {
    const { clock, meter } = this.#options;
    return new Life(clock, meter, Number.POSITIVE_INFINITY, () => undefined);
  }

  /** Bills what is awake up to now. */
  settle(): void {
    for (const { life } of this.#objects.values()) life?.settle();
  }

  /** Everything is put away, and billed. */
  end(): void {
    for (const object of this.#objects.values()) {
      this.#kill(object);
      object.storage.deleteAll();
    }
  }

  namespace<T>(caller: Life, kind: Kind): DurableObjectNamespace<T> {
    return {
      getByName: (name) =>
        new Proxy({} as ReturnType<DurableObjectNamespace<T>["getByName"]>, {
          get:
            (_, method) =>
            (...args: unknown[]) =>
              this.#call(caller, kind, name, String(method), args),
        }),
    };
  }

  #call(caller: Life, kind: Kind, name: string, method: string, args: unknown[]): Promise<unknown> {
    const { clock, meter, subrequests, carry = same, enter = plainly, loses, onLost } = this.#options;
    if (++caller.subrequests > subrequests) return Promise.reject(new Error("Too many subrequests."));
    return new Promise((resolve, reject) => {
      const back = (settle: () => void) =>
        clock.after(CALL_MS, () => {
          if (!caller.isDead) settle();
        });
      const object = this.#object(kind, name);
      const lost = loses?.(kind);
      const carried = carry(args);
      const arrive = () => {
        if (caller.isDead) return;
        const lose = () => {
          onLost?.(kind);
          back(() => reject(new Error("Network connection lost.")));
        };
        if (lost === "call") return lose();
        let life: Life;
        try {
          life = this.#wake(object);
        } catch (error) {
          back(() => reject(error));
          return;
        }
        meter.usage.objectRequests++;
        const died = () => back(() => reject(reset()));
        life.deaths.add(died);
        const { instance } = object;
        const ended = (settle: () => void) => {
          if (life.isDead) return;
          if (lost === "reply") lose();
          else back(settle);
        };
        enter(life, () => life.event(async () => instance?.[method]?.(...carried)))
          .finally(() => life.deaths.delete(died))
          .then(
            (value) => ended(() => resolve(carry(value))),
            (error) => ended(() => reject(carry(error))),
          );
      };
      clock.after(object.life ? CALL_MS : START_MS, arrive);
    });
  }

  #object(kind: Kind, name: string): Simulated {
    const key = `${kind} ${name}`;
    let object = this.#objects.get(key);
    if (!object) {
      const { meter, path } = this.#options;
      const storage = new Storage(meter, kind === "Runner" ? path : undefined);
      object = { kind, name, storage, alarm: null, alarmSet: 0, isInAlarm: false };
      this.#objects.set(key, object);
    }
    return object;
  }

  /** @throws Error when the account has started too many */
  #wake(object: Simulated): Life {
    if (object.life) return object.life;
    const { clock, chance, meter, faults, classes, enter = plainly } = this.#options;
    const second = Math.floor(clock.now / 1_000);
    if (second !== this.#startedSecond) this.#startedInSecond = 0;
    this.#startedSecond = second;
    if (object.kind === "Lane" && this.#startedInSecond >= faults.startsPerSecond) {
      this.incidents.throttledStarts++;
      throw Object.assign(new Error("Your account is generating too much load on Durable Objects."), {
        overloaded: true,
      });
    }
    this.#startedInSecond++;
    this.incidents.starts++;
    const life = new Life(clock, meter, CONNECTIONS, () => this.#kill(object));
    object.life = life;
    const context = contextOf({ name: object.name, life, storage: this.#storage(object, life) });
    const env = this.env(life);
    object.instance = enter(life, () => new classes[object.kind](context, env)) as Instance;
    const mean = faults.evictionMs[object.kind];
    if (Number.isFinite(mean)) {
      clock.after(chance.wait(mean), () => {
        if (life.isDead) return;
        this.incidents[object.kind === "Lane" ? "laneDeaths" : "evictions"]++;
        this.#kill(object);
      });
    }
    return life;
  }

  #kill(object: Simulated): void {
    const { life } = object;
    if (!life) return;
    delete object.life;
    delete object.instance;
    life.die();
  }

  #storage(object: Simulated, life: Life): DurableObjectState["storage"] {
    const { storage } = object;
    const { meter, onQuery } = this.#options;
    // The dead write nothing.
    const alive = () => {
      if (life.isDead) throw new Error(GONE);
    };
    return {
      sql: {
        exec(query, ...bindings) {
          alive();
          onQuery?.(object, query, bindings);
          return storage.exec(query, bindings);
        },
      },
      transactionSync(work) {
        alive();
        return storage.transaction(work);
      },
      getAlarm: async () => object.alarm,
      setAlarm: async (time) => {
        if (life.isDead) return;
        meter.usage.rowsWritten++;
        this.#setAlarm(object, time);
      },
      deleteAlarm: async () => {
        if (life.isDead) return;
        object.alarm = null;
        object.alarmSet++;
      },
      deleteAll: async () => {
        if (!life.isDead) storage.deleteAll();
      },
      sync: async () => {},
    };
  }

  #setAlarm(object: Simulated, time: number): void {
    const { clock, chance, faults } = this.#options;
    object.alarm = time;
    const set = ++object.alarmSet;
    // One that is moved on has not come, and cannot be lost.
    clock.after(time - clock.now, () => {
      if (set !== object.alarmSet) return;
      if (object.kind !== "Tenant" && chance.happens(faults.lostAlarm)) {
        this.incidents.lostAlarms++;
        return;
      }
      clock.after(chance.next() * ALARM_MS, () => {
        if (set === object.alarmSet && !object.isInAlarm) void this.#alarm(object);
      });
    });
  }

  async #alarm(object: Simulated): Promise<void> {
    const { clock, meter, onTurn, enter = plainly } = this.#options;
    if (object.kind === "Runner") onTurn();
    object.alarm = null;
    object.alarmSet++;
    object.isInAlarm = true;
    const life = this.#wake(object);
    meter.usage.objectRequests++;
    life.subrequests = 0;
    const died = new Promise<void>((next) => void life.deaths.add(next));
    const { instance } = object;
    const ran = enter(life, () => life.event(async () => instance?.alarm?.()));
    await Promise.race([died, ran.catch(() => undefined)]);
    if (object.kind === "Runner") {
      this.incidents.turns++;
      this.incidents.mostSubrequests = Math.max(this.incidents.mostSubrequests, life.subrequests);
    }
    object.isInAlarm = false;
    if (object.alarm !== null) {
      // It may have been due while the handler ran.
      if (object.alarm <= clock.now) this.#setAlarm(object, object.alarm);
    } else if (life.isDead) this.#setAlarm(object, clock.now + ALARM_RETRY_MS);
  }
}

const same = <T>(value: T): T => value;
const plainly = <T>(_: Life, work: () => T): T => work();

function reset(): Error {
  return Object.assign(new Error("The Durable Object was reset."), { durableObjectReset: true });
}
