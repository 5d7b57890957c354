/** The drain of a Worker: what is asked is kept by an object that is no tenant's, and said to each tenant. */

import { tenantNames } from "../server/auth.ts";
import type { Draining } from "../server/drain.ts";
import { now } from "../server/ids.ts";
import type { TenantApi } from "../server/tenant/api.ts";
import type { Env } from "./env.ts";
import { unwrapped } from "./rpc.ts";

/** No key can have this name. */
const SERVER = "~server";

export function drainingOf(env: Env): Draining {
  const server = () => env.TENANTS.getByName(SERVER);
  return {
    since: () => server().drainedSince(),
    async inFlight() {
      const tenants = tenantNames(env).map((name) => unwrapped<TenantApi>(env.TENANTS.getByName(name)));
      const counts = await Promise.all(tenants.map((tenant) => tenant.batchesInFlight()));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async set(drains) {
      // First: whoever is not reached below hears it within a minute.
      await server().drain(drains ? now() : null);
      await repeatDrain(env);
    },
  };
}

/** Says to each tenant whether the server drains: there may be new ones. */
export async function repeatDrain(env: Env): Promise<void> {
  const since = await env.TENANTS.getByName(SERVER).drainedSince();
  await Promise.all(tenantNames(env).map((name) => env.TENANTS.getByName(name).drain(since)));
}
