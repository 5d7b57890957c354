/** What a run will do, worked out and checked before anything is changed. */

import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { Prices } from "../core/prices.ts";
import type { BatchBudget, BatchOrder, Dialect, Inference } from "../core/types.ts";
import { echoInference } from "../hosts/inference/echo.ts";
import { namedKey, namedUrl, parsedUrl } from "./address.ts";
import { refuseOthers } from "./file-kind.ts";
import { cannotOpen, endpointOf, openFile, openInput } from "./input.ts";
import { isPacked } from "./input-file.ts";
import { inTheWay } from "./place.ts";
import { defaultFolder } from "./state.ts";
import { resultTargets, type Target } from "./target.ts";
import { CannotRun } from "./terminal.ts";
import { connect } from "./upstream.ts";

/** Options of `run` as the command line gives them. Times are in seconds. */
export interface RunOptions {
  url?: string;
  key?: string;
  header?: Record<string, string>;
  endpoint?: string;
  concurrency: number;
  maxAttempts: number;
  timeout: number;
  patience: number;
  window?: number;
  budget?: BatchBudget;
  prices?: Prices;
  maxLineBytes?: number;
  maxResponseBytes?: number;
  keepTrying?: boolean;
  dedupe?: boolean;
  order?: BatchOrder;
  /** Milliseconds. */
  latency?: number;
  out?: string;
  errors?: string;
  state?: string;
  dialect: Dialect;
  fresh?: boolean;
  salvage?: boolean;
  force?: boolean;
  failOnError?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** One run. */
export interface Plan {
  /** The input, as the user named it. */
  name: string;
  /** Its absolute path. */
  input: string;
  /** Whether it is to be unpacked first. */
  packed: boolean;
  /** Asked for, or read off the first line. */
  endpoint: string;
  /** The server, as the user named it; null for the embedded model. */
  server: string | null;
  /** The same for every way to write its address. */
  url: string | null;
  inference: Inference;
  output: Target;
  errors: Target;
  /** Where the state is. */
  folder: string;
}

/** @throws CannotRun when the arguments cannot work */
export async function plan(name: string, options: RunOptions): Promise<Plan> {
  if (name === "-") throw new CannotRun("run needs a file that it can read again, not standard input");
  const input = resolve(name);
  const { packed, endpoint } = options.salvage
    ? { packed: false, endpoint: "" }
    : await lookAt(name, options);
  const base = namedUrl(options.url);
  const stem = input.replace(/\.(?:gz|zst)$/i, "").replace(/\.jsonl$/i, "");
  const { output, errors } = await resultTargets(stem, options);
  const real = await realpath(input).catch((error: unknown) => {
    if (options.salvage) return null;
    throw cannotOpen(name, error);
  });
  for (const { path } of [output, errors]) {
    if (path === real) throw new CannotRun(`${path} is the input itself`);
  }
  return {
    name,
    input,
    packed,
    endpoint: options.endpoint ?? endpoint,
    server: base,
    url: base === null ? null : serverOf(base),
    inference: inferenceFor(base, options),
    output,
    errors,
    folder: resolve(options.state ?? defaultFolder(input)),
  };
}

/** @throws CannotRun when an output file exists that is not to be replaced */
export async function refuseExisting({ output, errors }: Plan, options: RunOptions): Promise<void> {
  if (options.force) return;
  for (const { path, kind, exists } of [output, errors]) {
    if (kind === "file" && exists) {
      throw inTheWay(path);
    }
  }
}

/** That the input can be read more than once, how it is packed, and the endpoint its first line asks for. */
async function lookAt(name: string, options: RunOptions): Promise<{ packed: boolean; endpoint: string }> {
  const handle = await openFile(name);
  const isFile = await handle
    .stat()
    .then((status) => status.isFile())
    .finally(() => handle.close());
  if (!isFile) throw new CannotRun(`${name} is not a regular file`);
  const { endpoint, chunks, head } = await endpointOf((await openInput(name)).chunks, options.maxLineBytes);
  for await (const _ of chunks) break;
  refuseOthers(name, head);
  return { packed: await isPacked(name), endpoint };
}

/** The same for every way to write the same address. */
function serverOf(text: string): string {
  const base = parsedUrl(text);
  if (["127.0.0.1", "[::1]"].includes(base.hostname)) base.hostname = "localhost";
  // It is written down, and a query may hold a key.
  base.search = "";
  return base.href;
}

/** @throws CannotRun for a key that cannot be sent */
function inferenceFor(base: string | null, options: RunOptions): Inference {
  const { latency, header, timeout, maxResponseBytes } = options;
  if (base === null) return echoInference(latency === undefined ? {} : { latencyMs: latency });
  const apiKey = namedKey(options.key);
  try {
    return connect({
      baseUrl: base,
      timeoutMs: timeout * 1_000,
      ...(apiKey !== undefined && { apiKey }),
      ...(header !== undefined && { headers: header }),
      ...(maxResponseBytes !== undefined && { maxResponseBytes }),
    });
  } catch (error) {
    throw new CannotRun((error as Error).message);
  }
}
