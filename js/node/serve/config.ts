/** What `edgebatch serve` is told, by options, variables and a file, as its settings. */

import { readPrices } from "../../core/prices.ts";
import { isLoopback } from "./address.ts";
import type { Environment, Given, Read } from "./config/read.ts";
import { readSettings } from "./config/read.ts";
import { modelServers } from "./config/servers.ts";
import { keyOf, rows, shown } from "./config/table.ts";
import { WrongSetting } from "./config/wrong.ts";
import type { KeySettings } from "./keys/ring.ts";
import type { ServeSettings, SharedSettings } from "./settings.ts";

export type { Environment, Given } from "./config/read.ts";
export { readSettings } from "./config/read.ts";

/** Settings but for what is found where the server starts: its keys, and the folder of its page. */
export interface Config extends Read {
  readonly settings: Omit<ServeSettings, "keys" | "page">;
  /** What is to be known to open the keys. */
  readonly keys: KeySettings;
  readonly graceMs: number;
}

/** @throws WrongSetting that names the first setting that cannot be right */
export async function readConfig(given: Given, env: Environment): Promise<Config> {
  const read = await readSettings(given, env);
  const { values } = read;
  const servers = modelServers(read, env);
  for (const { url } of servers) refuseItself(url, read);
  const { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes } = values;
  return {
    ...read,
    settings: {
      servers,
      shared: sharedState(read, env),
      ...{ models: values.models, data: values.data, host: values.host, port: values.port },
      concurrency: values.concurrency,
      ...{
        batches: values.batches,
        maxAttempts: values.maxAttempts,
        maxParts: values.maxParts,
        latencyMs: values.latency,
      },
      timeoutMs: Math.max(values.timeout * 1_000, ...servers.map(({ timeoutMs }) => timeoutMs)),
      quotas: {
        files: values.quotaFiles ?? Infinity,
        storedBytes: values.quotaStoredBytes ?? Infinity,
        queuedBatches: values.quotaQueuedBatches ?? Infinity,
        queuedRequests: values.quotaQueuedRequests ?? Infinity,
      },
      adminKeys: values.adminKeys ?? [],
      rate: { requestsPerMinute: values.requestsPerMinute ?? Infinity },
      windows: values.completionWindows,
      order: values.order,
      prices: readPrices(values.prices ?? []) ?? {},
      limits: { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes },
      ...{ interactiveFirst: values.interactiveFirst, webhookAllowPrivate: values.webhookAllowPrivate },
      metrics:
        values.metricsPort === undefined ? undefined : { host: values.metricsHost, port: values.metricsPort },
      logLevel: values.logLevel,
    },
    keys: {
      ...{
        data: values.store === undefined ? values.data : undefined,
        host: values.host,
        allowAnonymous: values.allowAnonymous,
      },
      ...{ apiKeys: values.apiKeys, apiKeysBy: read.said.apiKeys.by },
    },
    graceMs: values.grace * 1_000,
  };
}

/** Where several servers have their state together, nothing is left in a folder of one. */
function sharedState({ values, said }: Read, env: Environment): SharedSettings | undefined {
  const { store, files } = values;
  if (store === undefined && files === undefined) return undefined;
  if (store === undefined || files === undefined) {
    const [by, other] = store === undefined ? [said.files.by, "--store"] : [said.store.by, "--files"];
    throw new WrongSetting(`${by} needs ${other}: records and files are shared together`);
  }
  // The variable is said by images, whatever they are started for.
  if (said.data.level === "option" || said.data.level === "file") {
    throw new WrongSetting(
      `${said.data.by} names a folder, and with --store (${said.store.by}) there is none`,
    );
  }
  return { store, files, env };
}

/** `EDGEBATCH_URL` means another server to other commands: this one, maybe. */
function refuseItself(url: string, { values: { host, port }, said }: Read): void {
  const { hostname, port: urlPort, protocol } = new URL(url);
  if (protocol !== "http:" || Number(urlPort || 80) !== port) return;
  if (
    hostname !== host &&
    !(isLoopback(hostname) && (isLoopback(host) || host === "0.0.0.0" || host === "::"))
  )
    return;
  const by = said.url.level === "default" ? `the url ${url}` : said.url.by;
  throw new WrongSetting(
    `${by} is this server's own address (${said.port.by}): it is to be a model server's`,
  );
}

/** All settings and who said each, for people, in two columns; no secret is in them. */
export function describe({ values, said, settings }: Config): string {
  const lines = rows.map(([name, setting]) => {
    const by = said[name].level === "default" ? "" : `  (${said[name].by})`;
    return `  ${keyOf(name, setting) ?? name}`.padEnd(32) + shown(setting, values[name]) + by;
  });
  // What a server is asked with may be secret, a query of its address too.
  const servers = settings.servers.map(({ name, url, key, headers, models, concurrency, timeoutMs }) =>
    [
      `  server ${name}`.padEnd(32) + url.replace(/[?#].*/, ""),
      `models ${models?.join(", ") ?? "any"}`,
      `concurrency ${concurrency}`,
      `timeout ${timeoutMs / 1_000}`,
      key === undefined ? "no key" : "key set",
      ...(headers === undefined ? [] : [`headers ${Object.keys(headers).join(", ")}`]),
    ].join("; "),
  );
  return [...lines, ...servers, ""].join("\n");
}
