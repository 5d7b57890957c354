/** `edgebatch serve`: the API in front of a model server, until a signal ends it. */

import { fileURLToPath } from "node:url";
import { type Config, describe, type Given, readConfig } from "../node/serve/config.ts";
import { place } from "../node/serve/shared/state.ts";
import { openKeys, type ServeKeys, type Serving, serve as startServer } from "../node/serve.ts";
import { Signals } from "./signals.ts";
import { CannotRun, exit, messageOf, print, say } from "./terminal.ts";

export interface ServeOptions extends Given {
  check?: true;
}

/** Serves until SIGTERM or SIGINT. Gives the exit status. */
export async function serve(options: ServeOptions): Promise<number> {
  // Standard output is for people; the log is lines of JSON on standard error.
  globalThis.console = new console.Console(process.stderr, process.stderr);
  const { config, keys } = await read(options);
  if (options.check) {
    await print(`edgebatch serve would start with\n${describe(config)}`);
    return exit.good;
  }
  const page = fileURLToPath(new URL("../../dist/page/", import.meta.url));
  const serving = await startServer({ ...config.settings, keys, page }).catch(cannotRun);
  const ended = new Promise<void>((resolve) => {
    new Signals({
      first: () => void serving.stop(config.graceMs).then(resolve),
      second: () => say("edgebatch: quit at once; the next start resumes from what was saved."),
    });
  });
  await print(greeting(config, serving, keys));
  await ended;
  return exit.good;
}

async function read(options: ServeOptions): Promise<{ config: Config; keys: ServeKeys }> {
  try {
    const config = await readConfig(options, process.env);
    return { config, keys: await openKeys(config.keys) };
  } catch (error) {
    return cannotRun(error);
  }
}

function cannotRun(error: unknown): never {
  throw new CannotRun(messageOf(error));
}

/** Where it serves, whom, and three lines to paste. */
function greeting({ settings, values }: Config, { port, metricsPort }: Serving, keys: ServeKeys): string {
  const { host, data, metrics, shared } = settings;
  const state = shared ? `${place(shared.store)} and ${place(shared.files)}` : data;
  const base = `http://${nameOf(host)}:${port}`;
  const figures = metrics ? `\nmetrics at http://${nameOf(metrics.host)}:${metricsPort}/metrics` : "";
  const model = settings.servers.map(({ name, url }) =>
    name === "default" ? shown(url) : `${name} (${shown(url)})`,
  );
  const before =
    model.length === 0 ? "the embedded model echo-1 (--url names a model server)" : model.join(", ");
  return `edgebatch serves ${base}/v1, ${audience(keys, values.allowAnonymous)}, in front of ${before}
state in ${state}; page at ${base}/${figures}

from openai import OpenAI
client = OpenAI(base_url="${base}/v1", api_key="${keys.areNeeded ? "YOUR KEY" : "any"}")
print(client.batches.list())
`;
}

/** A name by which this machine reaches an address to listen on. */
function nameOf(host: string): string {
  return { "0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]" }[host] ?? host;
}

function audience(keys: ServeKeys, allowAnonymous: boolean): string {
  if (allowAnonymous) return "for everyone who can reach it";
  if (!keys.areNeeded) return "for this machine alone, as there are no keys";
  if (keys.names().length === 0) return "for nobody, as there is no key (edgebatch keys add NAME makes one)";
  return "for those with a key";
}

/** An address without its query, which may hold a key. */
function shown(url: string): string {
  return url.replace(/[?#].*/, "");
}
