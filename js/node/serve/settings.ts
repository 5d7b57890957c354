/** What `edgebatch serve` is told, as the server's ports want it. */

import type { BatchesOptions } from "../../core/batches.ts";
import type { Prices } from "../../core/prices.ts";
import type { BatchOrder, Limits } from "../../core/types.ts";
import { ANONYMOUS, isTenant, modelsOfTenant } from "../../server/auth.ts";
import { jsonEndpoints } from "../../server/endpoints.ts";
import type { LogLevel } from "../../server/log.ts";
import type { ModelServerSettings } from "../../server/model-servers.ts";
import type { Quotas, ServerSettings, TenantSettings } from "../../server/ports.ts";
import type { Upstreams } from "../../server/upstreams/types.ts";
import type { ServeKeys } from "./keys/ring.ts";

export interface ServeSettings {
  /** The model servers; the embedded model where there is none. */
  servers: ModelServerSettings[];
  /** Models that a batch may name, and that are listed; undefined for any. */
  models: string[] | undefined;
  data: string;
  /** Where state is instead of a folder, if several servers share it. */
  shared?: SharedSettings | undefined;
  host: string;
  port: number;
  keys: ServeKeys;
  /** `name:sha256` pairs of the operator. */
  adminKeys: string[];
  /** Where `/metrics` is answered besides; undefined for nowhere. */
  metrics: { host: string; port: number } | undefined;
  logLevel: LogLevel;
  /** Folder of the built page. */
  page: string;
  /** Requests of one batch in flight. */
  concurrency: number;
  /** Batches of one tenant that run at once. */
  batches: number;
  maxAttempts: number;
  /** Files' requests that one may have whose batch asks for it to be split. */
  maxParts: number;
  /** How long one answer may take. */
  timeoutMs: number;
  /** Time that the embedded model takes for an answer. */
  latencyMs: number;
  /** What one tenant may keep and queue; infinite where nothing is set. */
  quotas: Quotas;
  /** What one tenant may ask for; infinite where nothing is set. */
  rate: { requestsPerMinute: number };
  /** Completion windows that a batch may name. */
  windows: string[];
  /** In which order requests are sent where a batch does not say. */
  order: BatchOrder;
  /** What tokens cost; nothing where nobody has said. */
  prices: Prices;
  limits: Required<Pick<Limits, "maxFileBytes" | "maxRequests" | "maxLineBytes" | "maxResponseBytes">>;
  /** Whether batches yield to calls that somebody waits for. */
  interactiveFirst: boolean;
  /** Whether webhooks may go to private addresses, and by http:// to this machine. */
  webhookAllowPrivate: boolean;
}

/** A state that several servers have at the same time. */
export interface SharedSettings {
  /** `postgres://…` */
  store: string;
  /** `s3://bucket/prefix` */
  files: string;
  /** Where the S3 is, and how its calls are signed, where the address does not say. */
  env: { readonly [name: string]: string | undefined };
}

/**
 * How long a batch stays with a server that does not renew its lease. Others look at it each quarter of that, and begin with a look
 * at what is stored: so much leaves some seconds to the fifteen within which a batch goes on.
 */
const SHARED_LEASE_MS = 8_000;

export function serverSettings({ limits, rate }: ServeSettings): ServerSettings {
  return {
    dialect: "openai",
    maxFileBytes: limits.maxFileBytes,
    maxLineBytes: limits.maxLineBytes,
    requestsPerMinute: rate.requestsPerMinute,
  };
}

/** The settings of each tenant by its name. */
export function tenantSettings(
  settings: ServeSettings,
  upstreams: Upstreams,
  drainedSince: () => number | null,
): (name: string) => TenantSettings {
  const service = serviceSettings(settings, upstreams);
  const { keys, quotas, webhookAllowPrivate } = settings;
  return (name) => ({
    service: { ...service, models: modelsOfTenant(service.models, keys, name) },
    quotas,
    // What began before there were keys ends, though nobody may call as that tenant any more.
    isRevoked: () => name !== ANONYMOUS && !isTenant(name, keys),
    ...{ drainedSince, webhookAllowPrivate, isShared: settings.shared !== undefined },
  });
}

function serviceSettings(
  settings: ServeSettings,
  upstreams: Upstreams,
): Omit<BatchesOptions, "kv" | "files"> {
  return {
    autostart: false,
    events: true,
    dialect: "openai",
    endpoints: jsonEndpoints,
    maxConcurrentBatches: settings.batches,
    // What the servers take together; of it each run has its share.
    maxConcurrentRequestsPerBatch: settings.servers.reduce(
      (sum, { concurrency }) => sum + concurrency,
      settings.servers.length === 0 ? settings.concurrency : 0,
    ),
    maxAttempts: settings.maxAttempts,
    maxParts: settings.maxParts,
    requestTimeoutMs: Math.max(settings.timeoutMs, ...settings.servers.map(({ timeoutMs }) => timeoutMs)),
    completionWindows: settings.windows,
    order: settings.order,
    prices: settings.prices,
    limits: settings.limits,
    // The folder's lock sees to it: what a killed process left is taken over at once.
    soleOwner: settings.shared === undefined,
    ...(settings.shared && { leaseMs: SHARED_LEASE_MS }),
    // Runs have one of their own.
    inference: upstreams.inference("", ""),
    models: upstreams.models(),
  };
}
