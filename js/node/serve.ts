/** `edgebatch serve`: the server in one process, its state in one folder. */

import "../entry/node.ts";
import { DiskBlobs } from "../hosts/blobs/disk.ts";
import { app } from "../server/app.ts";
import { tenantNames } from "../server/auth.ts";
import { log } from "../server/log.ts";
import type { Blobs, Ports } from "../server/ports.ts";
import { refusal } from "./serve/broken.ts";
import { isCalledLocally, listen, platform } from "./serve/http.ts";
import { pageOf } from "./serve/page.ts";
import { type ServeSettings, serverSettings, tenantSettings } from "./serve/settings.ts";
import { openStateFolder } from "./serve/state-folder.ts";
import { Tenants } from "./serve/tenants.ts";
import { whileSent } from "./serve/unread.ts";
import { upstreamsOf } from "./serve/upstreams.ts";

export { isLoopback } from "./serve/address.ts";
export { openKeys, type ServeKeys } from "./serve/keys/ring.ts";
export type { ServeSettings } from "./serve/settings.ts";

export interface Serving {
  /** The port that was asked for, or the free one that was found. */
  readonly port: number;
  /** Starts nothing new, and resolves once what is in flight has ended and is stored, at most after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** @throws Error that says why it cannot serve */
export async function serve(settings: ServeSettings): Promise<Serving> {
  const upstreams = upstreamsOf(settings);
  const forTenants = tenantSettings(settings, upstreams);
  const forAll = serverSettings(settings);
  const state = await openStateFolder(settings.data);
  const blobs: Blobs = new DiskBlobs(state.blobs);
  const tenants = new Tenants(state, blobs, forTenants, upstreams);
  const page = pageOf(settings.page);
  const ports: Ports = {
    ...{ keys: settings.keys, blobs, platform, upstreams },
    settings: () => forAll,
    tenant: (name) => tenants.get(name),
  };
  let stopping = false;
  const answer = async (request: Request): Promise<Response> => {
    if (settings.keys.localNamesOnly && !isCalledLocally(request)) {
      // A page elsewhere may have its own name lead here, and then counts as one of ours.
      return refusal(403, "Without keys this server answers to the names of this machine alone.");
    }
    const { pathname } = new URL(request.url);
    if (pathname === "/ready") {
      return Response.json({ status: stopping ? "stopping" : "ready" }, { status: stopping ? 503 : 200 });
    }
    const found = ["GET", "HEAD"].includes(request.method) ? await page(pathname) : null;
    return found ?? whileSent(request, await app.fetch(request, ports));
  };
  try {
    const listening = await listen(answer, settings.host, settings.port);
    tenants.resume(tenantNames(settings.keys));
    const unwatch = settings.keys.watch(() => tenants.keysChanged(tenantNames(settings.keys)));
    log("server.started", { port: listening.port });
    return {
      port: listening.port,
      async stop(graceMs) {
        stopping = true;
        unwatch();
        log("server.stopping", { grace_ms: graceMs });
        upstreams.stop();
        let timer: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise<string>((resolve) => {
          timer = setTimeout(resolve, graceMs, "late");
        });
        const drained = Promise.all([listening.stop(), tenants.stop()]).then(() => "drained");
        const how = await Promise.race([drained, late]);
        clearTimeout(timer);
        log("server.stopped", { how });
        // What still writes goes on as long as the process does.
        if (how === "late") return;
        await tenants.close();
        state.close();
      },
    };
  } catch (error) {
    state.close();
    throw error;
  }
}
