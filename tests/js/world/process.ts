/** A process that serves: what `edgebatch serve` is made of, over what the world gives it. */

import { createHash } from "node:crypto";
import { LocalRuns, Taking } from "../../../js/node/serve/runs.ts";
import { TimerAlarm } from "../../../js/node/serve/timer-alarm.ts";
import { app } from "../../../js/server/app.ts";
import { jsonEndpoints } from "../../../js/server/endpoints.ts";
import { RUN } from "../../../js/server/keys.ts";
import { idsOnly } from "../../../js/server/observe/calls.ts";
import type { KeyOwner, Ports, TenantSettings } from "../../../js/server/ports.ts";
import { TenantService } from "../../../js/server/tenant/service.ts";
import { ModelServers } from "../../../js/server/upstreams/upstreams.ts";
import type { Life } from "./life.ts";
import type { Reply, Surroundings } from "./surroundings.ts";

/** What a tenant may keep. */
export const QUOTAS = { files: 200, storedBytes: 400_000, queuedBatches: 4, queuedRequests: 1_000 };

/** Of `edgebatch serve` with a store that others share. */
const LEASE_MS = 8_000;
/** How often such a process looks for what it was not told of. */
const LOOK_MS = 5_000;
/** The same in the days after all has come to its end, which are to pass. */
const CALM_LOOK_MS = 600_000;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export class ServerProcess {
  readonly life: Life;
  readonly #world: Surroundings;
  readonly #tenants = new Map<string, TenantService>();
  readonly #ports: Ports;

  /** To be made as code of its own life. */
  constructor(world: Surroundings, life: Life) {
    this.#world = world;
    this.life = life;
    const { clock } = world;
    const isShared = world.servers > 1;
    const taking = new Taking();
    const upstreams = new ModelServers({
      servers: [world.model.for(this.life)],
      clock: {
        now: () => clock.now,
        after: (ms, call) => {
          const due = clock.after(ms, () => {
            if (!this.life.isDead) call();
          });
          return () => clock.cancel(due);
        },
      },
    });
    this.life.onDeath(() => upstreams.stop());
    const blobs = world.bucket.for(this.life);
    const names = world.clients.map(({ name }) => name);
    const owners = new Map(names.map((name): [string, KeyOwner] => [sha256(`key-of-${name}`), { name }]));
    const service: TenantSettings["service"] = {
      ...{ autostart: false, events: true, dialect: "openai", endpoints: jsonEndpoints },
      ...(isShared ? { leaseMs: LEASE_MS } : { soleOwner: true }),
      ...{
        maxConcurrentBatches: 2,
        maxConcurrentRequestsPerBatch: 8,
        maxAttempts: 5,
        requestTimeoutMs: 60_000,
      },
      ...{ inference: upstreams.inference("", ""), models: upstreams.models() },
    };
    this.#ports = {
      keys: {
        find: (sum) => owners.get(sum) ?? null,
        names: () => names,
        models: () => undefined,
        ...{ allowsAnonymous: false, advice: "", adviceForPages: "" },
      },
      operator: { pairs: undefined, isOpen: false, advice: "" },
      draining: { since: async () => null, inFlight: async () => 0, set: async () => {} },
      settings: () => ({
        ...{ dialect: "openai", maxFileBytes: 1_000_000, maxLineBytes: 100_000, requestsPerMinute: Infinity },
      }),
      tenant: (name) => this.#tenant(name),
      service: () => service,
      ...{ blobs, upstreams },
      platform: {
        fixedLength: () => new TransformStream(),
        async md5(content) {
          const hash = createHash("md5");
          for await (const part of content) hash.update(part);
          return new Uint8Array(hash.digest());
        },
      },
    };
    for (const name of names) {
      const kv = world.store.for(this.life, name);
      const background = (work: Promise<unknown>) => void work.catch(() => undefined);
      const alarm = new TimerAlarm(() => background(tenant.alarm()));
      const options = { tenantName: name, kv, blobs, service, upstreams, tracer: idsOnly };
      const shared = { newestTurn: (id: string) => tenant.newestTurn(id), left: () => {}, taking };
      const runs: LocalRuns = new LocalRuns({
        ...options,
        tenant: () => tenant,
        ...(isShared && { shared }),
      });
      const tenant: TenantService = new TenantService({
        ...{ name, kv, blobs, alarm, background },
        runs,
        settings: { service, quotas: QUOTAS, isRevoked: () => false, isShared },
        sendWebhook: world.site.for(this.life),
      });
      this.#tenants.set(name, tenant);
      this.life.onDeath(() => {
        alarm.stop();
        tenant.stop();
        background(runs.stop());
      });
      background(tenant.alarm());
    }
    if (isShared) this.#look();
  }

  /** As a client hears it: an answer with its whole body, unless the process dies before. */
  async fetch(request: Request): Promise<Reply> {
    const died = Promise.withResolvers<never>();
    const forget = this.life.onDeath(() => died.reject(new Error("the connection was cut")));
    const answered = async () => {
      const { status, headers, ...response } = await this.#answer(request);
      return { status, headers, body: new Uint8Array(await response.body.arrayBuffer()) };
    };
    try {
      return await Promise.race([this.life.run(answered), died.promise]);
    } finally {
      forget();
    }
  }

  async #answer(request: Request) {
    const body = await app.fetch(request, this.#ports);
    return { status: body.status, headers: body.headers, body };
  }

  /** Another process has changed something of a tenant. */
  changedElsewhere(name: string): void {
    if (this.life.isDead) return;
    const changed = this.life.run(async () => this.#tenants.get(name)?.changedElsewhere());
    changed.catch(() => undefined);
  }

  /** As one look of the database's is: at all tenants whose batches have not ended. */
  #look(): void {
    this.#world.clock.after(this.#world.isCalm ? CALM_LOOK_MS : LOOK_MS, async () => {
      if (this.life.isDead) return;
      for (const name of this.#tenants.keys()) {
        const { entries } = await this.#world.store.of(name).list({ prefix: RUN, limit: 1, keys: true });
        if (entries.length > 0) this.changedElsewhere(name);
      }
      this.#look();
    });
  }

  /** All that is due is looked after, of each tenant. */
  sweep(): Promise<void> {
    return this.life.run(async () => {
      for (const tenant of this.#tenants.values()) {
        await tenant.alarm();
        await tenant.watch();
        await tenant.alarm();
      }
    });
  }

  #tenant(name: string): TenantService {
    const shown = this.#world.mutant === "isolation" ? "tenant0" : name;
    const tenant = this.#tenants.get(shown);
    if (!tenant) throw new Error(`there is no tenant ${shown}`);
    return tenant;
  }
}
