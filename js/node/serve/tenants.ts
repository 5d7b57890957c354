/**
 * The tenants of a server, in this process. Each has its records in an SQLite file of its own: one that is damaged, or
 * large, or removed, is nobody else's trouble, and no key of a tenant can be another's.
 */

import { existsSync } from "node:fs";
import { fileName } from "../../hosts/blobs/disk.ts";
import { log, logError } from "../../server/log.ts";
import type { Alarm, Blobs, TenantSettings } from "../../server/ports.ts";
import type { TenantApi } from "../../server/tenant/api.ts";
import { TenantService } from "../../server/tenant/service.ts";
import type { Upstreams } from "../../server/upstreams/types.ts";
import { LocalRuns } from "./runs.ts";
import type { StateFolder } from "./state-folder.ts";
import { Store, StoreWriter } from "./store.ts";

interface Tenant {
  service: TenantService;
  /** Holds its batches if it has no key any more, and goes on with them if it has one again. */
  keysChanged(): void;
  /** Resolves once nothing of it is under way. */
  stop(): Promise<void>;
  close(): void;
}

export class Tenants {
  readonly #state: StateFolder;
  readonly #blobs: Blobs;
  readonly #settings: (name: string) => TenantSettings;
  readonly #upstreams: Upstreams;
  readonly #open = new Map<string, Tenant>();
  readonly #writer = new StoreWriter();

  constructor(
    state: StateFolder,
    blobs: Blobs,
    settings: (name: string) => TenantSettings,
    upstreams: Upstreams,
  ) {
    this.#state = state;
    this.#blobs = blobs;
    this.#settings = settings;
    this.#upstreams = upstreams;
  }

  get(name: string): TenantApi {
    let tenant = this.#open.get(name);
    if (tenant === undefined) {
      tenant = openTenant(name, this.#store(name), this.#blobs, this.#settings(name), this.#upstreams);
      this.#open.set(name, tenant);
    }
    return tenant.service;
  }

  #store(name: string): Store {
    return new Store(this.#state.store(fileName(name)), this.#writer);
  }

  /** Resumes what an earlier process left: of those that never called there is nothing. */
  resume(names: string[]): void {
    for (const name of names) {
      if (!existsSync(this.#state.store(fileName(name)))) continue;
      try {
        this.get(name);
      } catch (error) {
        // Of this tenant alone: the others are served, and its own calls say it again.
        logError("tenant.open", error, { tenant: name });
      }
    }
  }

  /** Keys came or went; `names` are the tenants that there are by them. */
  keysChanged(names: string[]): void {
    for (const tenant of this.#open.values()) tenant.keysChanged();
    this.resume(names);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#open.values()].map((tenant) => tenant.stop()));
  }

  async close(): Promise<void> {
    await this.#writer.close();
    for (const tenant of this.#open.values()) tenant.close();
  }
}

function openTenant(
  name: string,
  kv: Store,
  blobs: Blobs,
  settings: TenantSettings,
  upstreams: Upstreams,
): Tenant {
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
  const runs = new LocalRuns({
    ...{ tenantName: name, kv, blobs, service: settings.service, upstreams },
    tenant: () => service,
  });
  const service: TenantService = new TenantService({ name, kv, blobs, runs, settings, alarm, background });
  // What came due while no process was there.
  background(service.alarm());
  let wasRevoked = settings.isRevoked();
  return {
    service,
    keysChanged() {
      if (settings.isRevoked() === wasRevoked) return;
      wasRevoked = !wasRevoked;
      log(wasRevoked ? "tenant.revoked" : "tenant.restored", { tenant: name });
      background(service.keysChanged());
    },
    async stop() {
      alarm.stop();
      await runs.stop();
      while (work.size > 0) await Promise.all(work);
    },
    close: () => kv.close(),
  };
}

/** Within this process: the next one begins with a round of its own. */
class TimerAlarm implements Alarm {
  readonly #ring: () => void;
  #time: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  async get(): Promise<number | null> {
    return this.#time;
  }

  async set(time: number): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#time = time;
    this.#timer = setTimeout(
      () => {
        this.#time = null;
        this.#ring();
      },
      Math.max(time - Date.now(), 0),
    );
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
