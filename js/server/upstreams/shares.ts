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
/** How many requests one may be behind the others: so often it has the odd place until it has caught up. */
const MOST_BEHIND = 16;

/** One of those who share. */
interface Sharer {
  /** Requests that were sent, as far as they count. */
  served: number;
  /** Requests that it would have in flight. */
  readonly demand: number;
}

class Tenant implements Sharer {
  readonly runs = new Map<string, Run>();
  served = 0;

  get demand(): number {
    let sum = 0;
    for (const { demand } of this.runs.values()) sum += demand;
    return sum;
  }
}

/** One batch's requests to one pool. */
export class Run implements Sharer {
  readonly tenant: string;
  readonly batchId: string;
  /** Requests that are in flight, or wait at the gate. */
  active = 0;
  served = 0;
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
  readonly #tenants = new Map<string, Tenant>();
  #at = Number.NEGATIVE_INFINITY;
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(capacity: () => number, clock: Clock) {
    this.#capacity = capacity;
    this.#clock = clock;
  }

  /** Whether any batch has work here. */
  get isIdle(): boolean {
    for (const { runs } of this.#tenants.values())
      for (const { active } of runs.values()) if (active > 0) return false;
    return true;
  }

  run(tenant: string, batchId: string): Run {
    const own = this.#tenants.get(tenant) ?? new Tenant();
    const run = own.runs.get(batchId) ?? new Run(tenant, batchId);
    own.runs.set(batchId, run);
    this.#tenants.set(tenant, own);
    return run;
  }

  /** One of a run's requests is sent. */
  sent(run: Run): void {
    run.served += 1;
    const tenant = this.#tenants.get(run.tenant);
    if (tenant) tenant.served += 1;
  }

  /** One of a run's requests is over. */
  leave(run: Run): void {
    run.active -= 1;
    this.#forgetAbsent(run, this.#clock.now());
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
    const mayForget = now - this.#forgotAt >= LOOK_BACK_MS;
    if (mayForget) this.#forgotAt = now;
    for (const { runs } of [...this.#tenants.values()]) {
      for (const run of [...runs.values()]) this.#forgetAbsent(run, now);
    }
    for (const [tenant, share] of offers(this.#capacity(), [...this.#tenants.values()])) {
      const own = [...tenant.runs.values()];
      // One at least may wait at the gate: a run that has nothing there does not ask again for half a second.
      for (const [run, part] of offers(share, own)) run.told = Math.max(part, 1);
      if (mayForget) for (const run of own) run.forget();
    }
  }

  #forgetAbsent(run: Run, now: number): void {
    if (run.active > 0 || now - run.askedAt <= ABSENT_MS) return;
    const tenant = this.#tenants.get(run.tenant);
    tenant?.runs.delete(run.batchId);
    if (tenant?.runs.size === 0) this.#tenants.delete(run.tenant);
  }
}

/** Shares; and for those who want less than they could have, that. Whoever was served least gets what is left over. */
function offers<T extends Sharer>(capacity: number, sharers: T[]): [T, number][] {
  const most = sharers.reduce((most, { served }) => Math.max(most, served), 0);
  for (const sharer of sharers) sharer.served = Math.max(sharer.served, most - MOST_BEHIND);
  sharers.sort((a, b) => a.served - b.served);
  const demands = sharers.map(({ demand }) => demand);
  const levels = new Levels(capacity, demands);
  return fill(capacity, demands).map((share, i) => {
    const demand = demands[i] as number;
    const offer = share < demand ? share : Math.max(share, Math.floor(levels.of(demand)));
    return [sharers[i] as T, offer];
  });
}
