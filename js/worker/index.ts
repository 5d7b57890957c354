/** The Worker: the server over Durable Objects and R2. */

import { app } from "../server/app.ts";
import { tenantNames } from "../server/auth.ts";
import { logError } from "../server/log.ts";
import type { Platform, Ports } from "../server/ports.ts";
import type { TenantApi } from "../server/tenant/api.ts";
import { drainingOf, repeatDrain } from "./drain.ts";
import type { Env, ExecutionContext } from "./env.ts";
import { r2Blobs } from "./r2-blobs.ts";
import { unwrapped } from "./rpc.ts";
import { serverSettings, serviceSettings, upstreamsOf } from "./settings.ts";

export { Lane } from "./lane-object.ts";
export { Runner } from "./runner-object.ts";
export { Tenant } from "./tenant-object.ts";

const platform: Platform = {
  fixedLength: (length) => new FixedLengthStream(length),
  async md5(content) {
    const digest = new crypto.DigestStream("MD5");
    await content.pipeTo(digest);
    return new Uint8Array(await digest.digest);
  },
};

function portsOf(env: Env): Ports {
  return {
    keys: env,
    operator: {
      pairs: env.ADMIN_KEYS || undefined,
      isOpen: false,
      advice: "set ADMIN_KEYS to a name:sha256 pair ('npx edgebatch keys entry NAME' makes one).",
    },
    draining: drainingOf(env),
    settings: () => serverSettings(env),
    tenant: (name) => unwrapped<TenantApi>(env.TENANTS.getByName(name)),
    service: () => serviceSettings(env),
    blobs: r2Blobs(env.FILES),
    platform,
    get upstreams() {
      return upstreamsOf(env);
    },
  };
}

export default {
  async fetch(request: Request, env: Env, _ctx: ExecutionContext): Promise<Response> {
    return app.fetch(request, portsOf(env));
  },

  /**
   * Every minute: a tenant watches its batches by its own alarm; this is for one whose alarm was lost, and for one that has not
   * heard that the server drains.
   */
  async scheduled(_event: unknown, env: Env, ctx: ExecutionContext): Promise<void> {
    ctx.waitUntil(repeatDrain(env).catch((error) => logError("server.drain", error)));
    for (const name of tenantNames(env)) {
      const watched = env.TENANTS.getByName(name).watch();
      ctx.waitUntil(watched.catch((error) => logError("tenant.watch", error, { tenant: name })));
    }
  },
};
