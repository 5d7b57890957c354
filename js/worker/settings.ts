/** The Worker's settings, read from its variables. */

import type { BatchesOptions } from "../core/batches.ts";
import { type Prices, readPrices } from "../core/prices.ts";
import { defaults, orders } from "../core/rules.ts";
import type { BatchOrder, Dialect, Models } from "../core/types.ts";
import { type Calls, fetchCalls } from "../hosts/inference/calls.ts";
import { echoCalls } from "../hosts/inference/echo/calls.ts";
import { anyModel, echoModels } from "../hosts/inference/echo.ts";
import { isTenant } from "../server/auth.ts";
import { jsonEndpoints } from "../server/endpoints.ts";
import { idsOnly, watchedCalls } from "../server/observe/calls.ts";
import { type Quotas, type ServerSettings, SettingError, type TenantSettings } from "../server/ports.ts";
import type { Upstreams } from "../server/upstreams/types.ts";
import { ModelServers } from "../server/upstreams/upstreams.ts";
import type { Env } from "./env.ts";

/** What a turn may take with the longest request after it: below the 15 minutes of an alarm. */
const ALARM_MS = 840_000;
/**
 * Between these a turn starts nothing new any more. While the last calls of a turn end, connections are idle, and so it is as
 * long as can be; but what it takes of the processor's time must not pass an invocation's.
 */
const SHORTEST_TURN_MS = 120_000;
const LONGEST_TURN_MS = 300_000;

/** Connections of a Durable Object that may wait for headers: more calls would wait inside. */
export const CONNECTIONS = 6;
/** Streams that a Runner reads by itself, as their connections wait for little: more are too much of one object's memory. */
const STREAMS = 256;
/** Most requests of a batch in flight. */
const MAX_IN_FLIGHT = 1_000;
/** Bytes of requests and answers that a Runner has in flight: there are others in its isolate's 128 MB. */
const MAX_BYTES_IN_FLIGHT = 24_000_000;
/** Subrequests of one invocation, as the paid plan has them by default; and how few a turn can do something with. */
const SUBREQUESTS = 10_000;
const LEAST_SUBREQUESTS = 50;

/** What one request may take at most: a turn waits for its last ones, and must end within its alarm's 15 minutes. */
const MAX_REQUEST_MS = 600_000;

function dialect(env: Env): Dialect {
  const value = env.DIALECT || "openai";
  if (value !== "openai" && value !== "reference") {
    throw new SettingError(`DIALECT must be openai or reference, but is '${value}'.`);
  }
  return value;
}

function order(env: Env): BatchOrder {
  const found = orders.find((word) => word === (env.ORDER || defaults.order));
  if (found) return found;
  throw new SettingError(`ORDER must be ${orders.join(" or ")}, but is '${env.ORDER}'.`);
}

/** What one tenant may keep and queue; nothing of it is bounded unless it is set. */
function quotas(env: Env): Quotas {
  return {
    files: wholeNumber(env, "MAX_FILES") ?? Number.POSITIVE_INFINITY,
    storedBytes: wholeNumber(env, "MAX_STORED_BYTES") ?? Number.POSITIVE_INFINITY,
    queuedBatches: wholeNumber(env, "MAX_QUEUED_BATCHES") ?? Number.POSITIVE_INFINITY,
    queuedRequests: wholeNumber(env, "MAX_QUEUED_REQUESTS") ?? Number.POSITIVE_INFINITY,
  };
}

/** Options of the service that both Durable Objects share. */
export function serviceSettings(env: Env): Omit<BatchesOptions, "kv" | "files"> {
  const maxFileBytes = wholeNumber(env, "MAX_FILE_BYTES");
  const maxRequests = wholeNumber(env, "MAX_REQUESTS");
  const maxLineBytes = wholeNumber(env, "MAX_LINE_BYTES");
  const maxResponseBytes = wholeNumber(env, "MAX_RESPONSE_BYTES");
  const maxParts = wholeNumber(env, "MAX_PARTS");
  const maxAttempts = wholeNumber(env, "MAX_ATTEMPTS");
  const maxConcurrentBatches = wholeNumber(env, "MAX_CONCURRENT_BATCHES");
  return {
    autostart: false,
    events: true,
    dialect: dialect(env),
    endpoints: endpoints(env),
    maxConcurrentRequestsPerBatch: inFlight(env),
    ...(maxConcurrentBatches !== undefined && { maxConcurrentBatches }),
    ...(maxParts !== undefined && { maxParts }),
    ...(maxAttempts !== undefined && { maxAttempts }),
    requestTimeoutMs: requestTimeoutMs(env),
    order: order(env),
    prices: prices(env),
    inference: calls(env),
    models: models(env),
    limits: {
      ...(maxFileBytes !== undefined && { maxFileBytes }),
      ...(maxRequests !== undefined && { maxRequests }),
      ...(maxLineBytes !== undefined && { maxLineBytes }),
      ...(maxResponseBytes !== undefined && { maxResponseBytes }),
    },
  };
}

function inFlight(env: Env): number {
  const value = wholeNumber(env, "MAX_CONCURRENT_REQUESTS") ?? CONNECTIONS;
  if (value > MAX_IN_FLIGHT)
    throw new SettingError(`MAX_CONCURRENT_REQUESTS must be at most ${MAX_IN_FLIGHT}.`);
  return value;
}

/** Of a Runner's turns. @throws SettingError */
export function turnSettings(env: Env): TurnSettings {
  const most = inFlight(env);
  const own = env.UPSTREAM_URL && isOn(env, "UPSTREAM_STREAM") ? STREAMS : CONNECTIONS;
  return {
    lanes: most <= own ? 1 : Math.ceil(most / CONNECTIONS),
    batches: wholeNumber(env, "MAX_CONCURRENT_BATCHES") ?? 1,
    maxBytes: wholeNumber(env, "MAX_BYTES_IN_FLIGHT", 1_000_000) ?? MAX_BYTES_IN_FLIGHT,
    subrequests: wholeNumber(env, "TURN_SUBREQUESTS", LEAST_SUBREQUESTS) ?? SUBREQUESTS,
    turnMs: Math.min(LONGEST_TURN_MS, Math.max(SHORTEST_TURN_MS, ALARM_MS - requestTimeoutMs(env))),
  };
}

export interface TurnSettings {
  /** Lanes of a batch: with one, the Runner makes its calls by itself. */
  lanes: number;
  /** Batches of a tenant that share its lanes. */
  batches: number;
  /** Bytes in flight. */
  maxBytes: number;
  /** What a turn may spend. */
  subrequests: number;
  /** After so long it starts nothing new. */
  turnMs: number;
}

/** The model server; `echo-1` where none is set. @throws SettingError */
function calls(env: Env): Calls {
  const stream = isOn(env, "UPSTREAM_STREAM");
  if (!env.UPSTREAM_URL) return echoCalls({ latencyMs: wholeNumber(env, "ECHO_LATENCY_MS", 0) ?? 0 });
  const maxResponseBytes = wholeNumber(env, "MAX_RESPONSE_BYTES");
  const options = {
    baseUrl: env.UPSTREAM_URL,
    ...(maxResponseBytes !== undefined && { maxResponseBytes }),
    ...(env.UPSTREAM_KEY && { apiKey: env.UPSTREAM_KEY }),
    timeoutMs: requestTimeoutMs(env),
    stream,
    fetch: (input: URL | RequestInfo, init?: RequestInit) => globalThis.fetch(input, init),
  };
  try {
    return fetchCalls(options);
  } catch {
    // The address is not said: it may hold a password.
    throw new SettingError(
      "UPSTREAM_URL must be an http:// or https:// address without user name or password.",
    );
  }
}

/** The model server as routes see it, with what an isolate remembers of it. */
const upstreams = new WeakMap<Env, Upstreams>();

/**
 * For calls that are passed on, and `/v1/models`. Runners call the model server by themselves: no object has all calls, and so
 * there is no gate. @throws SettingError
 */
export function upstreamsOf(env: Env): Upstreams {
  let found = upstreams.get(env);
  if (!found) {
    const models = env.UPSTREAM_URL ? undefined : ["echo-1"];
    const limits = { concurrency: Number.POSITIVE_INFINITY, timeoutMs: requestTimeoutMs(env) };
    const server = { name: "default", models, ...limits, ...calls(env) };
    found = new ModelServers({
      servers: [server],
      models: list(env.MODELS),
      shared: false,
      onCall: watchedCalls(idsOnly),
    });
    upstreams.set(env, found);
  }
  return found;
}

/** Settings that were looked at already. An isolate has the same ones for all of its life. */
const checked = new WeakMap<Env, ServerSettings>();

/**
 * The server's settings. Looks at every other one too, as most are used in Durable Objects, from which an error comes back
 * without its class. @throws SettingError
 */
export function serverSettings(env: Env): ServerSettings {
  let settings = checked.get(env);
  if (!settings) {
    const { limits } = serviceSettings(env);
    turnSettings(env);
    quotas(env);
    webhookAllowPrivate(env);
    settings = {
      dialect: dialect(env),
      maxFileBytes: limits?.maxFileBytes ?? defaults.limits.maxFileBytes,
      maxLineBytes: limits?.maxLineBytes ?? defaults.limits.maxLineBytes,
      requestsPerMinute: wholeNumber(env, "MAX_REQUESTS_PER_MINUTE") ?? Number.POSITIVE_INFINITY,
    };
    checked.set(env, settings);
  }
  return settings;
}

/** A tenant's settings. @throws SettingError */
export function tenantSettings(env: Env, name: string): TenantSettings {
  return {
    service: serviceSettings(env),
    quotas: quotas(env),
    isRevoked: () => !isTenant(name, env),
    webhookAllowPrivate: webhookAllowPrivate(env),
  };
}

function webhookAllowPrivate({ WEBHOOK_ALLOW_PRIVATE: text }: Env): boolean {
  if (!text) return false;
  if (text !== "1") throw new SettingError(`WEBHOOK_ALLOW_PRIVATE must be 1 or empty, but is '${text}'.`);
  return true;
}

/** The Runner of a batch; a batch whose Runner was lost has another. */
export function runnerName(tenant: string, batchId: string, generation: number): string {
  return `${tenant}/${batchId}${generation === 0 ? "" : `/${generation}`}`;
}

function models(env: Env): Models {
  const names = list(env.MODELS);
  if (names) return { has: async (model) => names.includes(model) };
  return env.UPSTREAM_URL ? anyModel : echoModels;
}

function requestTimeoutMs(env: Env): number {
  const value = wholeNumber(env, "REQUEST_TIMEOUT_MS") ?? MAX_REQUEST_MS;
  if (value > MAX_REQUEST_MS) throw new SettingError(`REQUEST_TIMEOUT_MS must be at most ${MAX_REQUEST_MS}.`);
  return value;
}

function endpoints(env: Env): string[] {
  const paths = list(env.ENDPOINTS) ?? jsonEndpoints;
  const wrong = paths.find((path) => !/^\/v1\/[\w/-]+$/.test(path));
  if (wrong === undefined) return paths;
  throw new SettingError(
    `ENDPOINTS must be paths such as /v1/chat/completions, separated by commas; '${wrong}' is none.`,
  );
}

function prices(env: Env): Prices {
  const found = readPrices(list(env.PRICES) ?? []);
  if (found) return found;
  throw new SettingError(
    "PRICES must be prices of a million tokens of input and output by model, such as gpt-4o=2.5/10, separated by commas.",
  );
}

function list(text: string | undefined): string[] | undefined {
  const items = text?.split(",").map((item) => item.trim());
  const found = items?.filter((item) => item !== "");
  return found?.length ? found : undefined;
}

function isOn(env: Env, name: "UPSTREAM_STREAM"): boolean {
  const text = env[name] || "0";
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw new SettingError(`${name} must be 1 or 0, but is '${text}'.`);
}

function wholeNumber(env: Env, name: keyof Env, least = 1): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new SettingError(`${name} must be a whole number from ${least} on, but is '${text}'.`);
  }
  return value;
}
