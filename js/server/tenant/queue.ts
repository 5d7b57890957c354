/**
 * A tenant's queue: which of its batches run, each by a Runner. What is to run is what has a record `run:`. It is the
 * batch's first checkpoint; later ones stay with its Runner, which deletes this record when the batch has ended.
 */

import type { Batches } from "../../core/batches.ts";
import type { KV } from "../../core/types.ts";
import { BATCH, CANCEL, LEASE, PAUSE, RUN } from "../keys.ts";
import { log, logError, logWarning } from "../log.ts";
import type { TenantPorts } from "../ports.ts";
import { change, entries } from "./change.ts";
import { Seats } from "./seats.ts";
import { published } from "./waits.ts";

/** A running batch that was silent for this long is woken. Its Runner calls every few seconds. */
const STALE_MS = 45_000;

export class Queue {
  readonly seats: Seats;
  readonly #ports: TenantPorts;
  readonly #kv: KV;
  readonly #batches: Pick<Batches, "admit">;
  /** When each Runner last called. After a restart all count as having called now. */
  readonly #heard = new Map<string, number>();
  readonly #since = Date.now();
  #admitting: Promise<void> | undefined;
  #admitAgain = false;

  constructor(ports: TenantPorts, batches: Pick<Batches, "admit">) {
    this.#ports = ports;
    this.#batches = batches;
    this.#kv = ports.kv;
    this.seats = new Seats(ports.kv);
  }

  /** What ended this service before may have ended Runners with it, or it ended for the tenant's key to go. */
  async wakeAll(): Promise<void> {
    const { running } = await this.seats.all();
    await Promise.all(running.map((id) => this.poke(id)));
  }

  /** Those that this process knows nothing of: it takes them over from others, should these be gone. */
  async wakeOthers(): Promise<void> {
    const { running } = await this.seats.all();
    await Promise.all(running.filter((id) => !this.#ports.runs.has?.(id)).map((id) => this.poke(id)));
  }

  heard(id: string): void {
    this.#heard.set(id, Date.now());
  }

  /** A batch has ended. */
  forget(id: string): void {
    this.#heard.delete(id);
  }

  /** Wakes those that have been silent. */
  async wakeStale(): Promise<void> {
    for (const id of (await this.seats.all()).running) {
      const silent_ms = Date.now() - (this.#heard.get(id) ?? this.#since);
      if (!this.#ports.settings.isRevoked()) {
        if (silent_ms < STALE_MS) continue;
        log("batch.stale", { tenant: this.#ports.name, batch: id, silent_ms });
      }
      await this.poke(id);
    }
  }

  /**
   * Whoever lets a paused batch go on, or cancels it, may be cut off before its rest is over: then it goes on now, and not when its
   * window closes.
   */
  async wakeResumed(): Promise<void> {
    for (const id of await this.seats.paused()) {
      const isPaused = isDrained(this.#ports) || (await this.#kv.get(PAUSE + id)) !== null;
      if (isPaused && (await this.#kv.get(CANCEL + id)) === null) continue;
      await change(this.#kv, (c) => this.seats.rested(c, id));
    }
  }

  /** Of a batch that ended meanwhile, a process may have taken the lease without hearing of it: nobody would ever give it back. */
  async sweepLeases(): Promise<void> {
    for await (const [key, value] of entries(this.#kv, LEASE)) {
      if ((await this.#kv.get(RUN + key.slice(LEASE.length))) !== null) continue;
      await this.#kv.batch?.([{ type: "delete", key }], [{ key, value }]);
    }
  }

  /** Batches that have not ended, the oldest first. */
  async unfinished(limit: number): Promise<string[]> {
    const ids = [];
    // A store may give fewer than it is asked for.
    for await (const [key] of entries(this.#kv, RUN, limit)) {
      ids.push(key.slice(RUN.length));
      if (ids.length === limit) break;
    }
    return ids;
  }

  /**
   * Requests without a result, of batches that have not ended. Of one that has not been read they are the lines of its input,
   * which were counted as they came: `held` has those of all batches. Where they were not, those that have begun count. Only what
   * runs or rests has results, and so the look is at a few records, however many wait.
   */
  async requestsLeft(held: number): Promise<number> {
    const { running, resting } = await this.seats.all();
    let [left, done] = [0, 0];
    for (const id of [...running, ...resting.map(([id]) => id)]) {
      const record = await this.#kv.get(BATCH + id);
      const counts = record && published(record)?.request_counts;
      if (!counts) continue;
      const ended = counts.completed + counts.failed;
      done += ended;
      left += counts.total - ended;
    }
    return Math.max(left, held - done);
  }

  /** Starts what the core says may start. One at a time; a call during another makes it look again. */
  admit(): Promise<void> {
    this.#admitAgain = true;
    this.#admitting ??= this.#admitAll().finally(() => {
      this.#admitting = undefined;
    });
    return this.#admitting;
  }

  async #admitAll(): Promise<void> {
    while (this.#admitAgain) {
      this.#admitAgain = false;
      if (this.#ports.settings.isRevoked()) return;
      const seats = await this.seats.all();
      let admitted = await this.#batches.admit(seats);
      if (isDrained(this.#ports)) admitted = await this.#withoutNew(admitted, seats.resting);
      for (const id of admitted) await this.seats.take(id);
      await Promise.all(admitted.map((id) => this.poke(id)));
    }
  }

  /** While the server drains no batch begins. What has begun comes to its end where it was cancelled, or its window is over. */
  async #withoutNew(ids: string[], begun: [id: string, wakeAt: number][]): Promise<string[]> {
    const kept = [];
    for (const id of ids)
      if (begun.some(([resting]) => resting === id) || (await this.#kv.get(CANCEL + id))) kept.push(id);
    return kept;
  }

  /** The server drains, or does no longer. */
  async drainChanged(): Promise<void> {
    const { running, resting } = await this.seats.all();
    if (!isDrained(this.#ports))
      for (const [id] of resting) await change(this.#kv, (c) => this.seats.rested(c, id));
    await Promise.all(running.map((id) => this.wished(id)));
    await this.admit();
  }

  /** Tells a batch's Runner to run it, or to hold it. Lost calls are made up for by the next round. */
  async poke(id: string): Promise<void> {
    const { runs, settings, name } = this.#ports;
    try {
      const revoked = settings.isRevoked();
      const seat = await this.seats.seat(id);
      await (revoked ? runs.hold(id, seat) : runs.start(id, seat));
      await this.seats.reached(id);
      if (!revoked) this.heard(id);
    } catch (error) {
      logError("batch.poke", error, { tenant: name, batch: id });
      // An outage of the platform is none of the Runner's.
      if (isOutage(error) || !(await this.seats.missed(id, Date.now()))) return;
      await this.replace(id, error instanceof Error ? error.message : String(error));
      // Once: should the fresh one fail too, its calls are counted from here on.
      await this.poke(id);
    }
  }

  /** A batch that rests goes on as soon as there is a place; one that runs looks at once whether it still may. */
  async goOn(id: string): Promise<void> {
    await change(this.#kv, (c) => this.seats.rested(c, id));
    await this.wished(id);
    await this.admit();
  }

  /** The user's wish for a batch has changed: a turn under way is to look for it. What is lost here it sees a little later. */
  async wished(id: string): Promise<void> {
    const { runs, name } = this.#ports;
    await runs.wished?.(id, await this.seats.seat(id)).catch((error) => {
      logError("batch.wished", error, { tenant: name, batch: id });
    });
  }

  /** Tells a batch's Runner to cancel it. */
  async cancel(id: string): Promise<void> {
    await this.#ports.runs.cancel(id, await this.seats.seat(id));
  }

  /** Gives a batch another Runner, as its own is lost. What users see stays; results that only the old one had run again. */
  async replace(id: string, reason: string): Promise<void> {
    const { generation } = await this.seats.replace(id);
    const message =
      "The batch's Runner is lost, and has been replaced. Results that only it held are lost too; those requests run again.";
    logWarning("batch.runner_replaced", {
      ...{ tenant: this.#ports.name, batch: id, generation, message, reason },
    });
  }
}

/** Whether the whole server drains. */
export function isDrained({ settings }: Pick<TenantPorts, "settings">): boolean {
  return (settings.drainedSince?.() ?? null) !== null;
}

/** Whether the platform says of a failed call that the same one may succeed later: too much to do, a deploy. */
function isOutage(error: unknown): boolean {
  const { retryable, overloaded } = (error ?? {}) as { retryable?: boolean; overloaded?: boolean };
  return retryable === true || overloaded === true;
}
