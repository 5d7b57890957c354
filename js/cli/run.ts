/** `edgebatch run`: a file as a batch, whose state outlives this process. */

import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  anyModel,
  type Batch,
  Batches,
  type Dialect,
  DiskFiles,
  echoInference,
  echoModels,
  type FileObject,
  type Inference,
  SqliteKV,
} from "../entry/node.ts";
import { cannotOpen, endpointOf, isGzip, openFile, readAll } from "./input.ts";
import { exists, place } from "./place.ts";
import { left, modeFor, Progress } from "./progress.ts";
import { defaultFolder, State } from "./state.ts";
import { CannotRun, count, duration, exit, plural, print, printErrors, say } from "./terminal.ts";
import { connect, Upstream } from "./upstream.ts";

/** Options as the command line gives them. */
export interface RunOptions {
  url?: string;
  key?: string;
  endpoint?: string;
  concurrency: number;
  maxAttempts: number;
  timeout: number;
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

/** Someone running a file of his own needs no cap on it. */
const limits = { maxRequests: 100_000_000, maxFileBytes: 2 ** 40 };
/** How long a server may be out of reach, from the first miss on, before the run is left for later. */
const patienceMs = 60_000;
const inputId = "file-input";
/** With this key, a run that was cut off while it created its batch finds that batch again. */
const idempotencyKey = "edgebatch run";

/** Runs a file, or goes on with it. Gives the exit status. */
export async function run(path: string, options: RunOptions): Promise<number> {
  const input = resolve(path);
  const url = options.url?.replace(/\/+$/, "") ?? null;
  const endpoint = options.endpoint ?? (await checkInput(path));
  const outputs = {
    output: outputPath(input, options.out, "output"),
    error: outputPath(input, options.errors, "errors"),
  };
  const inference = inferenceFor(url, options);
  const state = await State.open(resolve(options.state ?? defaultFolder(input, url, options.endpoint)));
  try {
    if (options.fresh) await state.clear();
    const job = await state.job();
    if (job && (job.input !== input || job.url !== url || job.endpoint !== endpoint)) {
      throw new CannotRun(
        `${state.folder} holds an unfinished run of another file, server or endpoint; --fresh forgets it`,
      );
    }
    if (!job) {
      await state.clear();
      await checkOutputs(Object.values(outputs), options.force === true).catch(async (error: unknown) => {
        await state.remove();
        throw error;
      });
      await state.saveJob({ input, url, endpoint });
    }
    return await runIn(state, {
      path,
      input,
      endpoint,
      url,
      inference,
      outputs,
      resumed: job !== null,
      options,
    });
  } finally {
    state.release();
  }
}

interface Plan {
  /** The input as the user named it, and where it is. */
  path: string;
  input: string;
  endpoint: string;
  url: string | null;
  inference: Inference;
  outputs: { output: string; error: string };
  resumed: boolean;
  options: RunOptions;
}

async function runIn(state: State, plan: Plan): Promise<number> {
  const { options, endpoint } = plan;
  const files = new DiskFiles(state.files);
  const input = await linkInput(files, plan, state.folder);
  const progress = new Progress("running", modeFor({ quiet: options.quiet === true, lines: true }));
  const note = (text: string) => progress.note(`edgebatch: ${text}`);
  let unreachable = false;
  const upstream = new Upstream(plan.inference, {
    patienceMs,
    onNotice: note,
    onUnreachable: () => {
      unreachable = true;
      void batches.stop();
    },
  });
  const kv = new SqliteKV(state.database);
  const batches = new Batches({
    kv,
    files,
    inference: upstream,
    models: plan.url === null ? echoModels : anyModel,
    limits,
    dialect: options.dialect,
    endpoints: [endpoint],
    maxConcurrentRequestsPerBatch: options.concurrency,
    maxAttempts: options.maxAttempts,
    requestTimeoutMs: options.timeout * 1_000 + 1_000,
    autostart: false,
  });
  if (!options.quiet) {
    const where = plan.url === null ? "the embedded model echo-1" : plan.url;
    note(`${plan.resumed ? "going on with" : "running"} ${plan.path}: ${endpoint} of ${where}`);
  }
  const batch = await batches.create({
    input_file_id: input.id,
    endpoint,
    completion_window: "24h",
    idempotency_key: idempotencyKey,
  });
  const interrupt = onInterrupt(batches, () => upstream.inFlight, note);
  const began = performance.now();
  try {
    batches.start();
    const done = await untilEnded(batches, batch.id, interrupt.signal, (now) => show(progress, now));
    progress.stop();
    await batches.stop();
    if (done === null || !isTerminal(done)) {
      const counts = done?.request_counts ?? batch.request_counts;
      if (unreachable) say(`edgebatch: ${plan.url} is out of reach: ${upstream.unreachable}`);
      say(
        `edgebatch: stopped with ${count(counts.completed + counts.failed)} of ${plural(counts.total, "request")} done.`,
      );
      say("Nothing is lost: the same command goes on from there.");
      return unreachable ? exit.bad : interrupt.status();
    }
    kv.close();
    return await conclude(state, files, done, plan, (performance.now() - began) / 1_000);
  } finally {
    progress.stop();
    interrupt.release();
    await batches.stop();
    kv.close();
  }
}

/** Puts the files of an ended batch in place, then forgets the run: in this order, so that a crash is harmless. */
async function conclude(
  state: State,
  files: DiskFiles,
  batch: Batch,
  plan: Plan,
  seconds: number,
): Promise<number> {
  const { options, outputs } = plan;
  const placed: string[] = [];
  for (const [id, to] of [
    [batch.output_file_id, outputs.output],
    [batch.error_file_id, outputs.error],
  ] as const) {
    if (id === null) continue;
    const from = await files.path(id);
    if (from === null) throw new CannotRun(`${state.folder} no longer holds the finished file ${id}`);
    await place(from, to, options.force === true);
    placed.push(to);
  }
  await state.remove();
  if (batch.errors) await printErrors(plan.path, batch.errors.data);
  if (options.json) await print(`${JSON.stringify(batch)}\n`);
  if (!options.quiet && !options.json) for (const line of summary(batch, placed, seconds)) say(line);
  return batch.status === "completed" ? exit.good : exit.bad;
}

function summary(batch: Batch, placed: string[], seconds: number): string[] {
  const { total, completed, failed } = batch.request_counts;
  const { input_tokens, output_tokens } = batch.usage;
  const tokens =
    input_tokens + output_tokens > 0 ? `, ${count(input_tokens)} tokens in, ${count(output_tokens)} out` : "";
  const counts = `${plural(total, "request")}: ${count(completed)} completed, ${count(failed)} failed`;
  return [
    `${batch.status}: ${counts}, in ${duration(seconds)}${tokens}`,
    ...placed.map((path) => `wrote ${path}`),
  ];
}

/** The batch once it has ended; as it stands when the run is told to stop. */
async function untilEnded(
  batches: Batches,
  id: string,
  stopped: AbortSignal,
  onProgress: (batch: Batch) => void,
): Promise<Batch | null> {
  const waiting = new AbortController();
  const stop = new Promise<null>((done) => {
    const wait = () => void batches.stop().then(() => done(null));
    if (stopped.aborted) wait();
    else stopped.addEventListener("abort", wait, { once: true });
  });
  const idle = batches.served().then(() => null);
  const ended = await Promise.race([batches.wait(id, { onProgress, signal: waiting.signal }), stop, idle]);
  waiting.abort();
  return ended ?? (await batches.retrieve(id));
}

function isTerminal(batch: Batch): boolean {
  return ["completed", "failed", "expired", "cancelled"].includes(batch.status);
}

function show(progress: Progress, batch: Batch): void {
  const { total, completed, failed } = batch.request_counts;
  const done = completed + failed;
  progress.update({
    done,
    total: total === 0 ? null : total,
    text: (rate) => {
      if (batch.status !== "in_progress") return batch.status;
      const failures = failed > 0 ? `, ${count(failed)} failed` : "";
      const speed = rate > 0 ? `, ${rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1)}/s` : "";
      return `${count(done)} of ${count(total)}${failures}${speed}${left(total - done, rate)}`;
    },
  });
}

/** Ctrl-C once stops cleanly, twice at once. */
function onInterrupt(batches: Batches, inFlight: () => number, note: (text: string) => void) {
  const controller = new AbortController();
  let status: number = exit.interrupted;
  const on = (signal: NodeJS.Signals) => {
    status = signal === "SIGTERM" ? exit.terminated : exit.interrupted;
    if (controller.signal.aborted) {
      note("left at once; the same command goes on from what was written down.");
      process.exit(status);
    }
    note(`stopping: ${plural(inFlight(), "request")} in flight may end; Ctrl-C again leaves at once.`);
    controller.abort();
    void batches.stop();
  };
  process.on("SIGINT", on);
  process.on("SIGTERM", on);
  return {
    signal: controller.signal,
    status: () => status,
    release: () => {
      process.off("SIGINT", on);
      process.off("SIGTERM", on);
    },
  };
}

function inferenceFor(url: string | null, options: RunOptions): Inference {
  if (url === null) return echoInference(options.latency === undefined ? {} : { latencyMs: options.latency });
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new CannotRun(`--url ${url} is no address; it should look like http://localhost:8000/v1`);
  }
  if (!["http:", "https:"].includes(parsed.protocol))
    throw new CannotRun(`--url ${url} must be http or https`);
  const apiKey = options.key ?? process.env.OPENAI_API_KEY;
  return connect({
    baseUrl: url,
    timeoutMs: options.timeout * 1_000,
    ...(apiKey !== undefined && { apiKey }),
  });
}

/** Links the input into the state, in place; a run goes on only over the same bytes. */
async function linkInput(files: DiskFiles, plan: Plan, folder: string): Promise<FileObject> {
  const known = await files.retrieve(inputId);
  if (known === null) return files.link(plan.input, { id: inputId, purpose: "batch" });
  try {
    await files.read(inputId, 0, 1);
    return known;
  } catch {
    throw new CannotRun(
      `${plan.path} has changed since its run began (state in ${folder}); --fresh forgets that run and begins anew`,
    );
  }
}

/** That the input can be read, and the endpoint its first line asks for. */
async function checkInput(path: string): Promise<string> {
  if (path === "-") throw new CannotRun("run needs a file it can come back to; standard input is none");
  const status = await stat(path).catch((error: unknown) => {
    throw cannotOpen(path, error);
  });
  if (!status.isFile()) throw new CannotRun(`${path} is not a regular file`);
  const head = readAll(await openFile(path));
  const iterator = head[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done !== true && isGzip(first.value)) {
    await head.return(undefined);
    throw new CannotRun(`${path} is compressed; decompress it first: gunzip -k ${path}`);
  }
  const start = first.done === true ? new Uint8Array() : first.value.slice();
  async function* again() {
    yield start;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  const { endpoint } = await endpointOf(again());
  await head.return(undefined);
  return endpoint;
}

async function checkOutputs(paths: string[], force: boolean): Promise<void> {
  if (paths[0] === paths[1]) throw new CannotRun("--out and --errors name the same file");
  for (const path of paths) {
    if (!force && (await exists(path)))
      throw new CannotRun(`${path} exists; --force replaces it, or name another file`);
    if (!(await exists(dirname(path)))) throw new CannotRun(`${dirname(path)}: no such folder`);
  }
}

function outputPath(input: string, named: string | undefined, what: string): string {
  return named === undefined ? `${input.replace(/\.jsonl$/i, "")}.${what}.jsonl` : resolve(named);
}
