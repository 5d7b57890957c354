/** A tenant's records as moves of batches see them: what only a batch's run reads may be elsewhere, with its Runner. */

import { keys } from "../../core/rules.ts";
import type { KV, KVCheck, KVOp, KVPage, KVQuery } from "../../core/types.ts";
import { PAUSE, RUN } from "../keys.ts";
import type { RunRecords } from "../ports.ts";
import type { Seats } from "./seats.ts";

export class MoveRecords {
  readonly #kv: KV;
  readonly #records: RunRecords | undefined;
  readonly #seats: Seats;
  readonly #goesOn: (id: string) => void;

  /** `goesOn` is called when a batch may have something to do, or is to leave off. */
  constructor(kv: KV, records: RunRecords | undefined, seats: Seats, goesOn: (id: string) => void) {
    this.#kv = kv;
    this.#records = records;
    this.#seats = seats;
    this.#goesOn = goesOn;
  }

  async get(key: string): Promise<Uint8Array | null> {
    const id = this.#elsewhere(key);
    return id === null || !this.#records
      ? this.#kv.get(key)
      : this.#records.get(id, await this.#seats.seat(id), key);
  }

  async list(query: KVQuery): Promise<KVPage> {
    const id = this.#elsewhere(query.prefix);
    if (id === null || !this.#records) return this.#kv.list(query);
    return this.#records.list(id, await this.#seats.seat(id), query);
  }

  /** What is with the tenant first, as it takes the checks. */
  async write(ops: KVOp[], checks: KVCheck[]): Promise<boolean> {
    const here = ops.filter(({ key }) => this.#elsewhere(key) === null);
    const there = ops.filter(({ key }) => this.#elsewhere(key) !== null);
    const leased = here.find(({ type, key }) => type === "set" && key.startsWith(keys.lease.prefix));
    if (leased && this.#records) {
      // A Runner takes no lease: a turn of it is under way, or it is not.
      const id = leased.key.slice(keys.lease.prefix.length);
      if (!(await this.#records.isQuiet(id, await this.#seats.seat(id)))) return false;
    }
    if (here.length + checks.length > 0 && !(await this.#kv.batch?.(here, checks))) return false;
    const id = there[0] && this.#elsewhere(there[0].key);
    if (id) await this.#records?.write(id, await this.#seats.seat(id), there);
    for (const { key } of here)
      for (const prefix of [PAUSE, RUN]) if (key.startsWith(prefix)) this.#goesOn(key.slice(prefix.length));
    return true;
  }

  /** Whose record it is, where it is not with the tenant. */
  #elsewhere(key: string): string | null {
    if (!this.#records) return null;
    const prefix = ownPrefixes.find((prefix) => key.startsWith(prefix));
    return prefix === undefined ? null : (key.slice(prefix.length).split(":")[0] as string);
  }
}

/** Prefixes of what only a batch's run reads. */
const ownPrefixes = Object.values(keys)
  .filter((key) => key.isPrivate)
  .map((key) => key.prefix);
