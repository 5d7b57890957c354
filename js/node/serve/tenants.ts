/** The tenants of a server, in this process. */

import type { KVOp } from "../../core/types.ts";
import { FILE_TOTALS } from "../../server/keys.ts";
import { log, logError, logWarning } from "../../server/log.ts";
import type { BatchStates } from "../../server/observe/batch-states.ts";
import type { Tracer } from "../../server/observe/calls.ts";
import { watchedStore } from "../../server/observe/watched-store.ts";
import type { Blobs, TenantSettings } from "../../server/ports.ts";
import type { TenantApi } from "../../server/tenant/api.ts";
import { decoded } from "../../server/tenant/change.ts";
import type { FileTotals } from "../../server/tenant/file-index.ts";
import { TenantService } from "../../server/tenant/service.ts";
import type { Upstreams } from "../../server/upstreams/types.ts";
import type { Storage } from "./metrics.ts";
import { LocalRuns, Taking } from "./runs.ts";
import type { ServeState, TenantStore } from "./state.ts";
import { TimerAlarm } from "./timer-alarm.ts";
import { webhookSender } from "./webhooks.ts";

/** Who looks on. */
export interface Observers {
  states: BatchStates;
  tracer: Tracer;
  /** A store could not do what it was asked for. */
  storeFailed(error: unknown): void;
}

/** How often a tenant is looked at again whose store could not be opened, in milliseconds. */
const OPEN_AGAIN_MS = 10_000;

/** What is the same for all tenants. */
interface Common {
  blobs: Blobs;
  upstreams: Upstreams;
  observers: Observers;
}

/** The same, and what all tenants of this process take together. */
type Shared = Common & { taking: Taking };

interface Tenant {
  service: TenantService;
  totals(): Promise<FileTotals | null>;
  /** The server drains, or does no longer. */
  drainChanged(): void;
  /** Another process has changed something. */
  changedElsewhere(): void;
  /** Holds its batches if it has no key any more, and goes on with them if it has one again. */
  keysChanged(): void;
  /** Resolves once nothing of it is under way. */
  stop(): Promise<void>;
  close(): void;
}

export class Tenants {
  readonly #state: Pick<ServeState, "stores">;
  readonly #settings: (name: string) => TenantSettings;
  readonly #common: Shared;
  readonly #open = new Map<string, Tenant>();
  /** Whose stores could not be opened; that was logged. */
  readonly #unopened = new Set<string>();
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(state: Pick<ServeState, "stores">, settings: (name: string) => TenantSettings, common: Common) {
    this.#state = state;
    this.#settings = settings;
    this.#common = { ...common, taking: new Taking() };
  }

  get(name: string): TenantApi {
    let tenant = this.#open.get(name);
    if (tenant === undefined) {
      tenant = openTenant(name, this.#state.stores.open(name), this.#settings(name), this.#common);
      this.#open.set(name, tenant);
    }
    return tenant.service;
  }

  /**
   * Resumes what an earlier process left: of those that never called there is nothing. A store that cannot be opened is one
   * tenant's trouble: the others are served, its own calls say it again, and it is resumed once it can be.
   */
  resume(names: string[]): void {
    clearTimeout(this.#again);
    const failed = names.filter((name) => this.#state.stores.exists(name) && !this.#opens(name));
    if (failed.length > 0) this.#again = setTimeout(() => this.resume(failed), OPEN_AGAIN_MS);
  }

  #opens(name: string): boolean {
    try {
      this.get(name);
      if (this.#unopened.delete(name)) logWarning("tenant.opened", { tenant: name });
      return true;
    } catch (error) {
      if (!this.#unopened.has(name)) logError("tenant.open", error, { tenant: name });
      this.#unopened.add(name);
      return false;
    }
  }

  /** What they keep, all together. */
  async storage(): Promise<Storage> {
    const found: Storage = { files: 0, fileBytes: 0, databaseBytes: 0 };
    for (const tenant of this.#open.values()) {
      const totals = await tenant.totals();
      found.files += totals?.files ?? 0;
      found.fileBytes += totals?.bytes ?? 0;
    }
    found.databaseBytes = await this.#state.stores.bytes();
    return found;
  }

  /** How many batches have something in flight. */
  async inFlight(): Promise<number> {
    const counts = await Promise.all(
      [...this.#open.values()].map(({ service }) => service.batchesInFlight()),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Another process has changed something of a tenant's. */
  changedElsewhere(name: string): void {
    this.#open.get(name)?.changedElsewhere();
  }

  /** The server drains, or does no longer. */
  drainChanged(): void {
    for (const tenant of this.#open.values()) tenant.drainChanged();
  }

  /** Keys came or went; `names` are the tenants that there are by them. */
  keysChanged(names: string[]): void {
    for (const tenant of this.#open.values()) tenant.keysChanged();
    this.resume(names);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#again);
    await Promise.all([...this.#open.values()].map((tenant) => tenant.stop()));
  }

  async close(): Promise<void> {
    await this.#state.stores.close();
    for (const tenant of this.#open.values()) tenant.close();
  }
}

function openTenant(
  name: string,
  store: TenantStore,
  settings: TenantSettings,
  { blobs, upstreams, observers, taking }: Shared,
): Tenant {
  const { states, tracer, storeFailed } = observers;
  const { isShared = false } = settings;
  // Of several processes each counts what it runs.
  const written = (ops: KVOp[]) => states.written(ops, isShared ? (id) => runs.owns(id) : undefined);
  const kv = watchedStore(store, { written, failed: storeFailed });
  const work = new Set<Promise<void>>();
  const background = (promise: Promise<unknown>) => {
    const done = promise
      .then(
        () => {},
        (error) => logError("tenant.background", error, { tenant: name }),
      )
      .finally(() => work.delete(done));
    work.add(done);
  };
  const alarm = new TimerAlarm(() => background(service.alarm()));
  const runs: LocalRuns = new LocalRuns({
    ...{ tenantName: name, kv, blobs, service: settings.service, upstreams, tracer },
    tenant: () => service,
    ...(isShared && {
      shared: { newestTurn: (id) => service.newestTurn(id), left: (id) => states.left(id), taking },
    }),
  });
  const service: TenantService = new TenantService({
    ...{ name, kv, blobs, runs, settings, alarm, background },
    sendWebhook: webhookSender({ allowPrivate: settings.webhookAllowPrivate ?? false }),
  });
  if (!isShared) background(states.resume(kv));
  // What came due while no process was there.
  background(service.alarm());
  let wasRevoked = settings.isRevoked();
  return {
    service,
    async totals() {
      const totals = await kv.get(FILE_TOTALS);
      return totals && decoded<FileTotals>(totals);
    },
    drainChanged: () => background(service.drainChanged()),
    changedElsewhere: () => background(service.changedElsewhere()),
    keysChanged() {
      if (settings.isRevoked() === wasRevoked) return;
      wasRevoked = !wasRevoked;
      log(wasRevoked ? "tenant.revoked" : "tenant.restored", { tenant: name });
      background(service.keysChanged());
    },
    async stop() {
      alarm.stop();
      service.stop();
      await runs.stop();
      while (work.size > 0) await Promise.all(work);
    },
    close: () => store.close(),
  };
}
