/** The model servers of `edgebatch serve`. */

import { fetchCalls } from "../../hosts/inference/calls.ts";
import { echoCalls } from "../../hosts/inference/echo/calls.ts";
import type { ModelServerSettings } from "../../server/model-servers.ts";
import type { SlotStore } from "../../server/upstreams/leased-slots.ts";
import type { ModelServer, OnCall } from "../../server/upstreams/types.ts";
import { ModelServers } from "../../server/upstreams/upstreams.ts";
import type { ServeSettings } from "./settings.ts";

/** With `slots` other processes use the same servers. The embedded model is in each process: it shares nothing. */
export function upstreamsOf(
  settings: ServeSettings,
  slots: SlotStore | undefined,
  onCall?: OnCall,
): ModelServers {
  const { servers, models, interactiveFirst, limits } = settings;
  const found = servers.map((server) => modelServer(server, limits.maxResponseBytes));
  return new ModelServers({
    servers: found.length > 0 ? found : [echo(settings)],
    ...{ models, interactiveFirst, onCall },
    slots: found.length > 0 ? slots : undefined,
  });
}

function modelServer(settings: ModelServerSettings, maxResponseBytes: number): ModelServer {
  const { name, url: baseUrl, key, headers, models, concurrency, timeoutMs, stream = false } = settings;
  const options = { baseUrl, apiKey: key, timeoutMs, maxResponseBytes, stream, ...(headers && { headers }) };
  return { name, models, concurrency, timeoutMs, ...fetchCalls(options) };
}

function echo({ latencyMs, concurrency, timeoutMs }: ServeSettings): ModelServer {
  return { name: "echo", models: ["echo-1"], concurrency, timeoutMs, ...echoCalls({ latencyMs }) };
}
