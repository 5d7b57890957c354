/**
 * One batch through the Worker in simulated time: its own Tenant, Runner, lanes and core, on a platform that does what the real one may
 * do to them. The same seed gives the same report.
 */

import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Env } from "../../../js/worker/env.ts";
import { KEPT_MS } from "../../../js/worker/memo.ts";
import type { TenantRpc } from "../../../js/worker/rpc.ts";
import { turnSettings } from "../../../js/worker/settings.ts";
import { Bucketful, type Input, type Scan } from "./bucket.ts";
import { Clock } from "./clock.ts";
import { type Faults, noFaults } from "./faults.ts";
import { dollars, Meter, type Usage } from "./meter.ts";
import { Model } from "./model.ts";
import { GONE, type Incidents, Platform } from "./platform.ts";
import { Chance } from "./random.ts";

export interface Simulation {
  seed?: number;
  requests: number;
  inFlight: number;
  latencyMs: number;
  spread?: number;
  stream?: boolean;
  /** Of each request's line, and of each answer. */
  bytes?: number;
  faults?: Partial<Faults>;
  /** Further settings of the Worker. */
  vars?: Partial<Env>;
  /** Called now and then, with how far it has come. */
  onProgress?: (done: number, seconds: number) => void;
}

export interface SimulationReport {
  status: string;
  requests: number;
  /** From the batch's creation to its end. */
  seconds: number;
  /** From the first call to the last answer. */
  runningSeconds: number;
  /** Of what may be in flight from the first call to the last answer. */
  used: number;
  mostInFlight: number;
  calls: number;
  repeated: number;
  refused: number;
  /** In the output, in the order of the input. */
  linesWritten: number;
  usage: Usage;
  /** All of it but for the minute that lanes stay awake afterwards. */
  usedByEnd: Usage;
  dollars: number;
  incidents: Incidents;
  /** When each turn began, in seconds, and how many requests were answered, and refused, by then. */
  turns: { at: number; answered: number; refused: number }[];
  /** What was logged, and how often. */
  log: Record<string, number>;
}

/** Simulated time begins here; a later simulation in the same process begins after it. */
let epoch = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
/** Nothing takes longer: a batch ends when its window closes. */
const MOST_MS = 2 * DAY_MS;
const TENANT = "~anonymous";
const LOOK_MS = 5_000;
const AWAKE_MS = 2 * KEPT_MS;

export async function simulate(simulation: Simulation): Promise<SimulationReport> {
  const { requests, inFlight, latencyMs, spread = 0.2, stream = false, bytes = 2_000 } = simulation;
  const classes = await import("./worker.ts");
  const faults = { ...noFaults, ...simulation.faults };
  const chance = new Chance(simulation.seed ?? 1);
  const start = epoch;
  const clock = new Clock(start);
  const meter = new Meter();
  const input = inputOf(requests, bytes);
  const model = new Model({ clock, chance, faults, requests, latencyMs, spread, bytes });
  const objects = new Map<string, Scan>();
  const stored = (key: string, object: Scan) => void objects.set(key, object);
  const bucket = new Bucketful({ chance, meter, faults, input, stored });
  const turns: SimulationReport["turns"] = [];
  const vars: Partial<Env> = {
    ALLOW_ANONYMOUS: "1",
    MAX_CONCURRENT_REQUESTS: String(inFlight),
    MAX_REQUESTS: String(requests),
    MAX_FILE_BYTES: String(input.bytes),
    ...(stream && { UPSTREAM_STREAM: "1" }),
    ...simulation.vars,
  };
  const log: Record<string, number> = {};
  const uninstall = clock.install(chance);
  const unlisten = listen(log);
  const { fetch } = globalThis;
  globalThis.fetch = model.fetch as typeof globalThis.fetch;
  try {
    const platform = new Platform({
      ...{ clock, chance, meter, faults, classes, vars },
      subrequests: turnSettings(vars as Env).subrequests,
      onTurn() {
        const { answered, refused } = model;
        turns.push({ at: (clock.now - start) / 1_000, answered, refused });
      },
      cron(platform) {
        const tenants = platform.namespace<TenantRpc>(platform.outside(), "Tenant");
        tenants
          .getByName(TENANT)
          .watch()
          .catch(() => undefined);
      },
      bucket: (life) => bucket.for(life),
      upstream: (life) => model.addressFor(life),
      ...(requests > 1_000_000 && { path: join(tmpdir(), `edgebatch-simulation-${process.pid}`) }),
    });
    const tenant = () => platform.namespace<TenantRpc>(platform.outside(), "Tenant").getByName(TENANT);
    let end: Awaited<ReturnType<typeof ended>> | undefined;
    let failure: unknown;
    ended({
      clock,
      tenant,
      input,
      start,
      progress: () => simulation.onProgress?.(model.answered, (clock.now - start) / 1e3),
    }).then(
      (batch) => {
        end = batch;
      },
      (error) => {
        failure = error;
      },
    );
    await clock.run(() => end !== undefined || failure !== undefined || clock.now - start > MOST_MS);
    if (failure) throw failure;
    platform.settle();
    const { usage } = meter;
    const usedByEnd = { ...usage };
    const over = clock.now + AWAKE_MS;
    // Lanes are awake, and billed, a while longer.
    await clock.run(() => clock.now >= over);
    platform.end();
    const runningMs = model.lastAt - model.firstAt;
    return {
      status: end?.status ?? "unended",
      requests,
      seconds: ((end?.at ?? clock.now) - start) / 1_000,
      runningSeconds: runningMs / 1_000,
      used: model.usedMs / (runningMs * inFlight),
      ...{ mostInFlight: model.mostInFlight, calls: model.called, repeated: model.repeated },
      ...{ refused: model.refused, linesWritten: linesOf(objects) },
      ...{ usage, usedByEnd, dollars: dollars(usage), incidents: platform.incidents, turns, log },
    };
  } finally {
    epoch += Math.ceil((clock.now - start) / DAY_MS + 1) * DAY_MS;
    globalThis.fetch = fetch;
    unlisten();
    uninstall();
  }
}

/** Lines of the largest file, as far as its objects have them in the order of the input, each once. */
function linesOf(objects: Map<string, Scan>): number {
  const files = Map.groupBy(objects, ([key]) => key.replace(/~\d+$/, ""));
  const lines = [...files.values()].map((parts) => {
    const scans = parts.map(([, scan]) => scan).sort((a, b) => a.first - b.first);
    return scans.reduce(
      (sum, { first, lines, inOrder }) => (inOrder && first === sum ? sum + lines : sum),
      0,
    );
  });
  return Math.max(0, ...lines);
}

/** Uploads, creates, and looks now and then, as a user would; what that costs is not counted. */
async function ended(options: {
  clock: Clock;
  tenant: () => Pick<TenantRpc, "createFile" | "createBatch" | "retrieveBatch">;
  input: Input;
  start: number;
  progress: () => void;
}): Promise<{ status: string; at: number }> {
  const { clock, tenant, input, start, progress } = options;
  const created_at = Math.floor(start / 1_000);
  const file = { id: "file-input", purpose: "batch", filename: "input.jsonl", created_at, expires_at: null };
  const segments = [{ key: input.key, bytes: input.bytes }];
  const made = await tenant().createFile({ ...file, segments });
  if ("error" in made) throw new Error(JSON.stringify(made.error));
  const params = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
  const batch = await tenant().createBatch(params, null);
  if ("error" in batch) throw new Error(JSON.stringify(batch.error));
  for (;;) {
    await clock.sleep(LOOK_MS);
    progress();
    const found = await tenant()
      .retrieveBatch(batch.ok.id)
      .catch(() => undefined);
    if (!found || "error" in found) continue;
    const { status, completed_at, failed_at, expired_at } = found.ok;
    const at = completed_at ?? failed_at ?? expired_at;
    if (at) return { status, at: at * 1_000 };
  }
}

/** Lines of the same length, made when they are read. */
function inputOf(requests: number, bytes: number): Input {
  const encoder = new TextEncoder();
  const digits = 8;
  const number = (i: number) => String(i).padStart(digits, "0");
  const line = (i: number, filler: string) =>
    `{"custom_id":"${number(i)}","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"${filler}"}]}}\n`;
  const filler = "y".repeat(Math.max(1, bytes - line(0, "").length));
  const sample = encoder.encode(line(0, filler));
  const at = '{"custom_id":"'.length;
  return {
    key: "input",
    bytes: requests * sample.length,
    read(offset, length) {
      const first = Math.floor(offset / sample.length);
      const last = Math.ceil((offset + length) / sample.length);
      const whole = new Uint8Array((last - first) * sample.length);
      for (let i = first; i < last; i++) {
        const from = (i - first) * sample.length;
        whole.set(sample, from);
        for (let digit = digits - 1, rest = i; digit >= 0; digit--, rest = Math.floor(rest / 10))
          whole[from + at + digit] = 48 + (rest % 10);
      }
      return whole.slice(offset - first * sample.length, offset - first * sample.length + length);
    },
  };
}

/** Counts what is logged instead of printing it. */
function listen(log: Record<string, number>): () => void {
  const { log: print, warn, error } = console;
  const count = (line: unknown) => {
    const text = String(line);
    const { event, message } = text.startsWith("{") ? JSON.parse(text) : { event: text, message: "" };
    // One that is dead has nobody any more to whom it could say so.
    if (message === GONE) return;
    log[event] = (log[event] ?? 0) + 1;
  };
  Object.assign(console, { log: count, warn: count, error: count });
  return () => void Object.assign(console, { log: print, warn, error });
}
