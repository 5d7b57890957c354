/** `edgebatch serve`: the server in one process, its state in one folder. */

import "../entry/node.ts";
import { app } from "../server/app.ts";
import { ANONYMOUS, tenantNames } from "../server/auth.ts";
import { configureLog, log } from "../server/log.ts";
import { BatchStates } from "../server/observe/batch-states.ts";
import { watchedCalls } from "../server/observe/calls.ts";
import { Meters } from "../server/observe/meters.ts";
import type { Exchange, Ports } from "../server/ports.ts";
import { isLoopback } from "./serve/address.ts";
import { refusal } from "./serve/broken.ts";
import { isCalledLocally, listen, platform } from "./serve/http.ts";
import { openLocalState } from "./serve/local-state.ts";
import { metricsResponse, processMetrics } from "./serve/metrics.ts";
import { openTracer } from "./serve/otel.ts";
import { pageOf } from "./serve/page.ts";
import { follow } from "./serve/requests.ts";
import { type ServeSettings, serverSettings, tenantSettings } from "./serve/settings.ts";
import { openSharedState } from "./serve/shared/state.ts";
import { Tenants } from "./serve/tenants.ts";
import { whileSent } from "./serve/unread.ts";
import { upstreamsOf } from "./serve/upstreams.ts";

export { isLoopback } from "./serve/address.ts";
export { openKeys, type ServeKeys } from "./serve/keys/ring.ts";
export type { ServeSettings } from "./serve/settings.ts";

export interface Serving {
  /** The port that was asked for, or the free one that was found. */
  readonly port: number;
  /** The port where `/metrics` is answered besides. */
  readonly metricsPort: number | undefined;
  /** Starts nothing new, and resolves once what is in flight has ended and is stored, at most after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** @throws Error that says why it cannot serve */
export async function serve(settings: ServeSettings): Promise<Serving> {
  configureLog({ level: settings.logLevel, stamped: true });
  const meters = new Meters();
  const tracer = await openTracer(process.env);
  const forAll = serverSettings(settings);
  const state = await (settings.shared ? openSharedState(settings.shared) : openLocalState(settings.data));
  const upstreams = upstreamsOf(settings, state.slots, watchedCalls(tracer, meters));
  meters.watchUpstreams(upstreams.stats);
  const { blobs, draining, writable } = state;
  const forTenants = tenantSettings(settings, upstreams, () => draining.current());
  const storeFailed = (error: unknown) => writable.suspect(error);
  const observers = { states: new BatchStates(meters), tracer, storeFailed };
  const tenants = new Tenants(state, forTenants, { blobs, upstreams, observers });
  draining.of({ inFlight: () => tenants.inFlight(), changed: () => tenants.drainChanged() });
  const unwatchProcess = processMetrics({
    ...{ registry: meters.registry, folder: state.folder },
    ...{ storage: () => tenants.storage(), fault: () => writable.fault() },
  });
  const page = pageOf(settings.page);
  const ports: Ports = {
    ...{ keys: settings.keys, blobs, platform, upstreams, draining },
    operator: {
      pairs: settings.adminKeys.length > 0 ? settings.adminKeys.join() : undefined,
      isOpen: settings.keys.localNamesOnly,
      advice: "start it with --admin-keys and a name:sha256 pair (edgebatch keys entry NAME makes one).",
    },
    settings: () => forAll,
    tenant: (name) => tenants.get(name),
    service: (name) => forTenants(name).service,
  };
  let stopping = false;
  const answer = async (request: Request, exchange: Exchange): Promise<Response> => {
    if (settings.keys.localNamesOnly && !isCalledLocally(request)) {
      // A page elsewhere may have its own name lead here, and then counts as one of ours.
      return refusal(403, "Without keys this server answers to the names of this machine alone.");
    }
    const { pathname } = new URL(request.url);
    if (pathname === "/ready") {
      exchange.route = pathname;
      const fault = stopping ? null : await writable.fault();
      if (fault !== null) return Response.json({ status: "unwritable", reason: fault }, { status: 503 });
      if (stopping) return Response.json({ status: "stopping" }, { status: 503 });
      // Calls are taken while it drains: batches wait.
      return Response.json({ status: draining.current() === null ? "ready" : "draining" });
    }
    // Figures of all tenants are no business of any: with keys they have an address of their own.
    if (pathname === "/metrics" && settings.keys.localNamesOnly) {
      exchange.route = pathname;
      return metricsResponse(meters.registry);
    }
    const found = ["GET", "HEAD"].includes(request.method) ? await page(pathname) : null;
    if (found) exchange.route = "page";
    return found ?? whileSent(request, await app.fetch(request, { ...ports, exchange }));
  };
  const answerMetrics = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname !== "/metrics") return new Response(null, { status: 404 });
    if (isLoopback(settings.metrics?.host ?? "") && !isCalledLocally(request)) {
      return new Response(null, { status: 403 });
    }
    return metricsResponse(meters.registry);
  };
  try {
    const listening = await listen(answer, settings.host, settings.port, (incoming, outgoing) =>
      follow({ meters, tracer }, incoming, outgoing),
    );
    const metrics =
      settings.metrics && (await listen(answerMetrics, settings.metrics.host, settings.metrics.port));
    const names = () => [...new Set([...tenantNames(settings.keys), ANONYMOUS])];
    tenants.resume(names());
    const unwatchOthers = state.watch?.((tenant) => {
      if (!names().includes(tenant)) return;
      tenants.resume([tenant]);
      tenants.changedElsewhere(tenant);
    });
    const unwatch = settings.keys.watch(() => tenants.keysChanged(names()));
    log("server.started", { port: listening.port });
    // So that the log says at once which model server is away, or refuses the key.
    void upstreams.list();
    return {
      port: listening.port,
      metricsPort: metrics?.port,
      async stop(graceMs) {
        stopping = true;
        unwatch();
        unwatchOthers?.();
        log("server.stopping", { grace_ms: graceMs });
        upstreams.stop();
        let timer: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise<string>((resolve) => {
          timer = setTimeout(resolve, graceMs, "late");
        });
        const drained = Promise.all([listening.stop(), tenants.stop()]).then(() => "drained");
        const how = await Promise.race([drained, late]);
        if (how === "drained") await Promise.race([upstreams.release(), late]);
        await Promise.race([tracer.stop(), late]);
        clearTimeout(timer);
        unwatchProcess();
        writable.stop();
        void metrics?.stop();
        log("server.stopped", { how });
        // What still writes goes on as long as the process does.
        if (how === "late") return;
        await tenants.close();
        await state.close();
      },
    };
  } catch (error) {
    unwatchProcess();
    await state.close();
    throw error;
  }
}
