/** What `edgebatch serve` is told, as the server's ports want it. */

import type { BatchesOptions } from "../../core/batches.ts";
import { defaults } from "../../core/rules.ts";
import type { Inference, Models } from "../../core/types.ts";
import { parseBaseUrl } from "../../hosts/inference/base-url.ts";
import { anyModel, echoInference, echoModels } from "../../hosts/inference/echo.ts";
import { fetchInference } from "../../hosts/inference/fetch.ts";
import { jsonEndpoints } from "../../server/endpoints.ts";
import type { KeyVariables, ServerSettings, TenantSettings } from "../../server/ports.ts";

export interface ServeSettings {
  /** The model server; the embedded model where there is none. */
  url: string | undefined;
  /** The model server's key. */
  key: string | undefined;
  /** Models that a batch may name, and that are listed; undefined for any. */
  models: string[] | undefined;
  data: string;
  host: string;
  port: number;
  /** Answers only to `localhost` and the like: for a server without keys, which pages elsewhere must not reach. */
  localNamesOnly: boolean;
  keys: KeyVariables;
  /** Folder of the built page. */
  page: string;
  concurrency: number;
  batches: number;
  maxAttempts: number;
  timeoutMs: number;
  /** Time that the embedded model takes for an answer. */
  latencyMs: number;
}

export function serverSettings({ url, models }: ServeSettings): ServerSettings {
  return {
    dialect: "openai",
    maxFileBytes: defaults.limits.maxFileBytes,
    models: models ?? (url === undefined ? ["echo-1"] : []),
    requestsPerMinute: Infinity,
  };
}

/** @throws TypeError for an address or a key that cannot be used */
export function tenantSettings(settings: ServeSettings): TenantSettings {
  return {
    service: serviceSettings(settings),
    quotas: { files: Infinity, storedBytes: Infinity, queuedBatches: Infinity, queuedRequests: Infinity },
    // Keys are read when the server starts: tenants without one are not opened.
    isRevoked: () => false,
  };
}

function serviceSettings(settings: ServeSettings): Omit<BatchesOptions, "kv" | "files"> {
  const { url, key, timeoutMs } = settings;
  return {
    autostart: false,
    dialect: "openai",
    endpoints: jsonEndpoints,
    maxConcurrentBatches: settings.batches,
    maxConcurrentRequestsPerBatch: settings.concurrency,
    maxAttempts: settings.maxAttempts,
    requestTimeoutMs: timeoutMs,
    // The folder's lock sees to it: what a killed process left is taken over at once.
    soleOwner: true,
    inference:
      url === undefined ? echoInference({ latencyMs: settings.latencyMs }) : modelServer(url, key, timeoutMs),
    models: modelsOf(settings),
  };
}

function modelsOf({ url, models }: ServeSettings): Models {
  if (models) return { has: async (name) => models.includes(name) };
  return url === undefined ? echoModels : anyModel;
}

function modelServer(baseUrl: string, apiKey: string | undefined, timeoutMs: number): Inference {
  try {
    parseBaseUrl(baseUrl);
  } catch {
    // The address is not said: it may hold a password.
    throw new Error("--url must be an http:// or https:// address without user name or password");
  }
  return fetchInference({ baseUrl, apiKey, timeoutMs });
}
