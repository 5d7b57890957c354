/** `edgebatch serve`: the API in front of a model server, until a signal ends it. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defaults, fixedLimits } from "../core/rules.ts";
import { isLoopback, serve as startServer } from "../node/serve.ts";
import { Signals } from "./signals.ts";
import { CannotRun, exit, messageOf, print, say } from "./terminal.ts";

export interface ServeOptions {
  url?: string;
  keyEnv?: string;
  models?: string[];
  data: string;
  host: string;
  port: number;
  concurrency: number;
  batches: number;
  maxAttempts: number;
  timeout: number;
  latency?: number;
  grace: number;
  allowAnonymous?: boolean;
  apiKeys?: string;
}

/** Serves until SIGTERM or SIGINT. Gives the exit status. */
export async function serve(options: ServeOptions): Promise<number> {
  // Standard output is for people; the log is lines of JSON on standard error.
  globalThis.console = new console.Console(process.stderr, process.stderr);
  const { url, host } = options;
  const API_KEYS = await readKeys(options.apiKeys);
  const isLocal = isLoopback(host);
  const isOpen = options.allowAnonymous === true;
  if (API_KEYS === "" && !isLocal && !isOpen) {
    throw new CannotRun(
      `--host ${host} lets other machines call: give their keys (--api-keys), or --allow-anonymous to serve everyone`,
    );
  }
  const key = readKey(options.keyEnv);
  const timeoutMs = options.timeout * 1_000;
  const { concurrency } = options;
  const { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes } = defaults.limits;
  const serving = await startServer({
    servers:
      url === undefined
        ? []
        : [{ name: "default", url, ...(key !== undefined && { key }), concurrency, timeoutMs }],
    ...{ models: options.models, data: options.data, host, port: options.port },
    ...{ concurrency, batches: options.batches, maxAttempts: options.maxAttempts },
    ...{ timeoutMs, latencyMs: options.latency ?? 0 },
    quotas: { files: Infinity, storedBytes: Infinity, queuedBatches: Infinity, queuedRequests: Infinity },
    rate: { requestsPerMinute: Infinity },
    windows: [fixedLimits.completionWindow],
    limits: { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes },
    interactiveFirst: true,
    keys: { API_KEYS, ALLOW_ANONYMOUS: isOpen || API_KEYS === "" ? "1" : undefined },
    localNamesOnly: API_KEYS === "" && isLocal && !isOpen,
    page: fileURLToPath(new URL("../../dist/page/", import.meta.url)),
  }).catch((error) => {
    throw new CannotRun(messageOf(error).replaceAll("API_KEYS", "--api-keys"));
  });
  const ended = new Promise<void>((resolve) => {
    new Signals({
      first: () => void serving.stop(options.grace * 1_000).then(resolve),
      second: () => say("edgebatch: quit at once; the next start resumes from what was saved."),
    });
  });
  await print(greeting(options, serving.port, API_KEYS !== ""));
  await ended;
  return exit.good;
}

function greeting({ url, host, data }: ServeOptions, port: number, hasKeys: boolean): string {
  const name = { "0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]" }[host] ?? host;
  const base = `http://${name}:${port}`;
  const model = url === undefined ? "the embedded model echo-1 (--url names a model server)" : shown(url);
  const who = hasKeys ? "for those with a key" : "for everyone who can reach it";
  return `edgebatch serves ${base}/v1, ${who}, in front of ${model}
state in ${data}; page at ${base}/

from openai import OpenAI
client = OpenAI(base_url="${base}/v1", api_key="${hasKeys ? "YOUR KEY" : "any"}")
print(client.batches.list())
`;
}

/** An address without its query, which may hold a key. */
function shown(url: string): string {
  return URL.canParse(url) ? url.replace(/[?#].*/, "") : "the model server";
}

/** The model server's key. A variable that was named has to be there. */
function readKey(name: string | undefined): string | undefined {
  const key = process.env[name ?? "EDGEBATCH_KEY"];
  if (key) return key;
  if (name === undefined) return undefined;
  throw new CannotRun(`--key-env ${name}: there is no such environment variable, or it is empty`);
}

const pair = /^[A-Za-z0-9_.-]{1,64}:[0-9a-f]{64}$/i;

/** `name:sha256` pairs, or what a file of them holds. */
async function readKeys(given: string | undefined): Promise<string> {
  if (given === undefined) return "";
  const words = (text: string) => text.split(/[\s,]+/).filter((word) => word !== "");
  let pairs = words(given);
  if (!pairs.some((word) => pair.test(word))) {
    const text = await readFile(given, "utf8").catch((error: NodeJS.ErrnoException) => {
      throw new CannotRun(
        `--api-keys takes name:sha256 pairs, by commas, or a file that holds them; this is neither (${error.code})`,
      );
    });
    pairs = words(text);
  }
  const wrong = pairs.findIndex((word) => !pair.test(word));
  if (wrong >= 0) throw new CannotRun(`--api-keys: entry ${wrong + 1} is no name:sha256 pair`);
  if (pairs.length === 0) throw new CannotRun(`--api-keys: ${given} holds no name:sha256 pair`);
  return pairs.join(",");
}
