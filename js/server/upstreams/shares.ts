/**
 * How many requests each run of a batch may have in flight: fair shares of what its pool takes, over tenants first and then
 * over the batches of a tenant.
 *
 * A run that uses less than it was told it may wants no more than that, and leaves the rest to the others; it is told what it
 * could have all the same. The gate is what holds the limit: this keeps runs from filling its queue.
 */

import { fill, Levels } from "./fill.ts";
import type { Clock } from "./types.ts";

/** How long shares stand. */
const CACHED_MS = 50;
/** What a run has had in flight within one or two of these is what it wants. */
const LOOK_BACK_MS = 100;
/** A run that did not ask for so long, and has nothing in flight, takes no part. */
const ABSENT_MS = 2_000;

/** One batch's requests to one pool. */
export class Run {
  readonly tenant: string;
  readonly batchId: string;
  /** Requests that are in flight, or wait at the gate. */
  active = 0;
  /** When its last request was sent. */
  servedAt = Number.NEGATIVE_INFINITY;
  askedAt = Number.NEGATIVE_INFINITY;
  /** What it may have in flight. */
  told = 0;
  #peak = 0;
  #peakBefore = 0;

  constructor(tenant: string, batchId: string) {
    this.tenant = tenant;
    this.batchId = batchId;
  }

  enter(): void {
    this.active += 1;
    this.#peak = Math.max(this.#peak, this.active);
  }

  /** What it wants: without end where it has all that it may. */
  get demand(): number {
    const peak = Math.max(this.#peak, this.#peakBefore);
    return peak >= this.told ? Number.POSITIVE_INFINITY : peak;
  }

  forget(): void {
    this.#peakBefore = this.#peak;
    this.#peak = this.active;
  }
}

/** The shares of one pool. */
export class Shares {
  readonly #clock: Clock;
  readonly #capacity: () => number;
  readonly #runs = new Map<string, Run>();
  #at = Number.NEGATIVE_INFINITY;
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(capacity: () => number, clock: Clock) {
    this.#capacity = capacity;
    this.#clock = clock;
  }

  /** Whether any batch has work here. */
  get isIdle(): boolean {
    for (const { active } of this.#runs.values()) if (active > 0) return false;
    return true;
  }

  run(tenant: string, batchId: string): Run {
    const key = `${tenant}\n${batchId}`;
    const run = this.#runs.get(key) ?? new Run(tenant, batchId);
    this.#runs.set(key, run);
    return run;
  }

  /** One of a run's requests is over. */
  leave(run: Run): void {
    run.active -= 1;
    if (run.active > 0 || this.#clock.now() - run.askedAt <= ABSENT_MS) return;
    this.#runs.delete(`${run.tenant}\n${run.batchId}`);
  }

  /** Requests that a run may have in flight now. */
  allowance(tenant: string, batchId: string): number {
    const now = this.#clock.now();
    const run = this.run(tenant, batchId);
    const isNew = run.askedAt === Number.NEGATIVE_INFINITY;
    run.askedAt = now;
    if (isNew || now - this.#at >= CACHED_MS) this.#compute(now);
    return run.told;
  }

  #compute(now: number): void {
    this.#at = now;
    const tenants = new Map<string, Run[]>();
    for (const [key, run] of this.#runs) {
      if (run.active === 0 && now - run.askedAt > ABSENT_MS) {
        this.#runs.delete(key);
        continue;
      }
      const own = tenants.get(run.tenant) ?? [];
      own.push(run);
      tenants.set(run.tenant, own);
    }
    const runs = [...tenants.values()].map((own) => own.sort(byService));
    runs.sort(([a], [b]) => byService(a as Run, b as Run));
    const wanted = runs.map((own) => own.reduce((sum, { demand }) => sum + demand, 0));
    for (const [i, share] of offers(this.#capacity(), wanted).entries()) {
      const own = runs[i] as Run[];
      const told = offers(
        share,
        own.map(({ demand }) => demand),
      );
      // One at least may wait at the gate: a run that has nothing there does not ask again for half a second.
      for (const [j, run] of own.entries()) run.told = Math.max(told[j] as number, 1);
    }
    if (now - this.#forgotAt < LOOK_BACK_MS) return;
    this.#forgotAt = now;
    for (const run of this.#runs.values()) run.forget();
  }
}

/** Whoever was served longest ago is first, and gets what is left over. */
function byService(a: Run, b: Run): number {
  return a.servedAt - b.servedAt || 0;
}

/** Shares; and for those who want less than they could have, that. */
function offers(capacity: number, demands: number[]): number[] {
  const levels = new Levels(capacity, demands);
  return fill(capacity, demands).map((share, i) => {
    const demand = demands[i] as number;
    return share < demand ? share : Math.max(share, Math.floor(levels.of(demand)));
  });
}
