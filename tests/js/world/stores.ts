/** The store and the objects, as one process sees them, and all that may go wrong between. */

import type { KV, KVCheck, KVOp, KVQuery } from "../../../js/core/types.ts";
import { EVENT, RUN, SEATS, WASTE, writing } from "../../../js/server/keys.ts";
import type { Blobs } from "../../../js/server/ports.ts";
import type { Chances } from "./faults.ts";
import { DeadError, type Life } from "./life.ts";
import type { Mutant, Surroundings } from "./surroundings.ts";

/** What other processes are told of: as with a store of several machines. */
const ANNOUNCED = [RUN, SEATS];

/** What is not stored where something does not do its work: events of ends, what is to be deleted, what is being written, who asked. */
const FORGOTTEN: Partial<Record<Mutant, string>> = {
  ...{ events: EVENT, waste: WASTE, writing: writing(""), idempotency: "idempotency:" },
};

/** What goes wrong on the way to one of them. */
interface Toxics {
  refused: Chances;
  lost: Chances;
  /** What is said of a write when there is no room. */
  full(world: Surroundings): Error;
}

const toStore: Toxics = {
  ...{ refused: "refused", lost: "lost" },
  // As SQLite says it, and as a Postgres does.
  full: ({ servers }) =>
    servers === 1
      ? Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: 13 })
      : new Error("the database cannot be used: could not extend file: No space left on device"),
};

const toBucket: Toxics = {
  ...{ refused: "blobRefused", lost: "blobLost" },
  full: ({ servers }) =>
    servers === 1
      ? Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
      : new Error("S3 refused to write it: XMinioStorageFull, 507"),
};

/** A call that goes through a wire: late, refused, done though nobody hears of it, or not at all as its process has died. */
function through<T>(
  world: Surroundings,
  life: Life,
  toxics: Toxics,
  isWrite: boolean,
  act: () => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const { chance, clock, faults } = world;
    const die = () => reject(new DeadError());
    if (life.isDead) return void clock.after(1, die);
    const slow = world.happens("slow") ? chance.wait(faults.slowMs) : 0;
    const isRefused = world.happens(toxics.refused) || clock.now < world.outageUntil;
    const isFull = isWrite && clock.now < world.fullUntil;
    const isLost = isWrite && world.happens(toxics.lost);
    const stalled = () => Math.max(life.stalledUntil - clock.now, 0);
    clock.after(chance.next() * 3 + slow + stalled(), async () => {
      // A write that was under way when its process died comes late, or never.
      if (life.isDead && !(isWrite && chance.happens(0.5))) return die();
      if (isRefused) return reject(new Error("the store is away"));
      if (isFull) return reject(toxics.full(world));
      let done: () => void;
      try {
        const value = await act();
        done = () => resolve(value);
      } catch (error) {
        done = () => reject(error);
      }
      if (isLost) done = () => reject(new Error("the reply was lost"));
      clock.after(chance.next() * 2 + stalled(), () => {
        if (life.isDead) die();
        else done();
      });
    });
  });
}

/** The stores of all tenants. */
export class Store {
  readonly #world: Surroundings;
  readonly #make: (tenant: string) => KV;
  readonly #tenants = new Map<string, KV>();

  constructor(world: Surroundings, make: (tenant: string) => KV) {
    this.#world = world;
    this.#make = make;
  }

  /** As it is, for who looks at everything. */
  of(tenant: string): KV {
    let kv = this.#tenants.get(tenant);
    if (kv === undefined) {
      kv = this.#make(tenant);
      this.#tenants.set(tenant, kv);
    }
    return kv;
  }

  /** As a process sees it. */
  for(life: Life, tenant: string): KV {
    const world = this.#world;
    const kv = this.of(tenant);
    const forgotten = world.mutant && FORGOTTEN[world.mutant];
    const call = <T>(isWrite: boolean, act: () => Promise<T>) => through(world, life, toStore, isWrite, act);
    const batch = (all: KVOp[], checks: KVCheck[] = []) =>
      call(true, async () => {
        const seen = world.mutant === "fencing" ? [] : checks;
        const kept = all.filter(({ key }) => !forgotten || !key.startsWith(forgotten));
        const ops = life.isOlder ? kept.map(asBefore) : kept;
        const written = (await kv.batch?.(ops, seen)) ?? false;
        if (written) {
          world.invariants.written(tenant, ops);
          if (ops.some(({ key }) => ANNOUNCED.some((begin) => key.startsWith(begin))))
            world.announce(tenant, life);
        }
        return written;
      });
    return {
      caps: kv.caps,
      get: (key) => call(false, () => kv.get(key)),
      list: (query: KVQuery) =>
        call(false, async () => {
          const { entries, more } = await kv.list(query);
          if (entries.length < 2 || !world.happens("short")) return { entries, more };
          return { entries: entries.slice(0, Math.ceil(entries.length / 2)), more: true };
        }),
      batch,
      set: async (key, value) => void (await batch([{ type: "set", key, value }])),
      delete: async (key) => void (await batch([{ type: "delete", key }])),
    };
  }
}

/** As the build before writes it, which knew nothing of seats that rest as their batches are paused. */
function asBefore(op: KVOp): KVOp {
  if (op.type === "delete" || !op.key.startsWith(SEATS)) return op;
  const { paused: _, ...seat } = JSON.parse(new TextDecoder().decode(op.value));
  return { ...op, value: new TextEncoder().encode(JSON.stringify(seat)) };
}

/** Bytes of files, of all tenants. */
export class Bucket {
  readonly objects = new Map<string, Uint8Array>();
  readonly #world: Surroundings;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  for(life: Life): Blobs {
    const world = this.#world;
    const { objects } = this;
    const call = <T>(isWrite: boolean, act: () => Promise<T>) => through(world, life, toBucket, isWrite, act);
    const range = (key: string, offset: number, length: number) =>
      objects.get(key)?.slice(offset, offset + length);
    return {
      read: (key, offset, length) => call(false, async () => range(key, offset, length) ?? null),
      open: (key, offset, length) =>
        call(false, async () => {
          const [bytes, whole] = [range(key, offset, length), objects.get(key)];
          if (!bytes || !whole) return null;
          const body = new ReadableStream<Uint8Array>({
            start(control) {
              if (bytes.length > 0) control.enqueue(bytes);
              control.close();
            },
          });
          return { size: whole.length, body };
        }),
      write(key, began) {
        const parts: Uint8Array[] = [];
        let size = 0;
        return {
          get size() {
            return size;
          },
          async write(part) {
            if (parts.length === 0) await began(`write-${key}`);
            parts.push(part.slice());
            size += part.length;
            await call(true, async () => {});
          },
          complete: () =>
            call(true, async () => {
              objects.set(key, new Uint8Array(Buffer.concat(parts)));
              return size;
            }),
          abort: async () => {},
        };
      },
      delete: (keys) =>
        call(true, async () => {
          if (world.mutant === "sweep") return;
          for (const key of keys) objects.delete(key);
        }),
      discard: () => call(true, async () => {}),
    };
  }
}
