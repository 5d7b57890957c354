/** What a run is to do, worked out and checked before anything is touched. */

import { realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Dialect } from "../types.ts";
import { cannotOpen, endpointOf, isGzip, openFile, readAll } from "./input.ts";
import { exists } from "./place.ts";
import { defaultFolder } from "./state.ts";
import { CannotRun } from "./terminal.ts";

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
  /** Milliseconds. */
  latency?: number;
  out?: string;
  errors?: string;
  state?: string;
  dialect: Dialect;
  fresh?: boolean;
  force?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** One run. All paths but `name` are absolute. */
export interface Plan {
  /** The input, as the user named it. */
  name: string;
  input: string;
  /** Asked for, or read off the first line. */
  endpoint: string;
  /** The server, however its address was written; null for the embedded model. */
  url: string | null;
  output: string;
  errors: string;
  /** Where the state is. */
  folder: string;
}

/** @throws CannotRun when the arguments cannot work */
export async function plan(name: string, options: RunOptions): Promise<Plan> {
  if (name === "-") throw new CannotRun("run needs a file it can come back to; standard input is none");
  const input = resolve(name);
  const firstEndpoint = await checkInput(name);
  const endpoint = options.endpoint ?? firstEndpoint;
  const url = options.url === undefined ? null : serverOf(options.url);
  const stem = input.replace(/\.jsonl$/i, "");
  const output = resolve(options.out ?? `${stem}.output.jsonl`);
  const errors = resolve(options.errors ?? `${stem}.errors.jsonl`);
  if (output === errors) throw new CannotRun("--out and --errors name the same file");
  const real = await realpath(input).catch((error: unknown) => {
    throw cannotOpen(name, error);
  });
  for (const path of [output, errors]) {
    if ((await realpath(path).catch(() => path)) === real) throw new CannotRun(`${path} is the input itself`);
    if (!(await exists(dirname(path)))) throw new CannotRun(`${dirname(path)}: no such folder`);
  }
  const folder = resolve(options.state ?? defaultFolder(input, url, options.endpoint));
  return { name, input, endpoint, url, output, errors, folder };
}

/** @throws CannotRun when an output file exists that is not to be replaced */
export async function refuseExisting({ output, errors }: Plan, options: RunOptions): Promise<void> {
  if (options.force) return;
  for (const path of [output, errors]) {
    if (await exists(path)) throw new CannotRun(`${path} exists; --force replaces it, or name another file`);
  }
}

/** That the input can be read more than once, and the endpoint its first line asks for. */
async function checkInput(name: string): Promise<string> {
  const handle = await openFile(name);
  try {
    if (!(await handle.stat()).isFile()) throw new CannotRun(`${name} is not a regular file`);
    const magic = new Uint8Array(2);
    await handle.read(magic, 0, 2, 0);
    if (isGzip(magic)) throw new CannotRun(`${name} is compressed; decompress it first: gunzip -k ${name}`);
  } finally {
    await handle.close();
  }
  const source = readAll(await openFile(name));
  const { endpoint } = await endpointOf(source);
  await source.return(undefined);
  return endpoint;
}

/** The same for every way to write the same address. */
function serverOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null)
    throw new CannotRun(`--url ${text} is no address; it should look like http://localhost:8000/v1`);
  if (!["http:", "https:"].includes(url.protocol)) throw new CannotRun(`--url ${text} must be http or https`);
  if (url.username !== "" || url.password !== "") {
    throw new CannotRun("--url must carry no user name or password; use --key or --header");
  }
  url.hash = "";
  url.pathname = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  return url.href.replace(/\/$/, "");
}
