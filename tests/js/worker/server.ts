/** Starts the Worker as `npm start` does, in real workerd, with state of its own; and ends it gently or by SIGKILL. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import OpenAI from "openai";
import { type Command, serveCommand } from "../node/as-worker.ts";

const root = resolve(import.meta.dirname, "../../..");

export interface Started {
  url: string;
  client: OpenAI;
  /** What it printed so far. */
  log(): string;
  /** The process that was started. */
  pid(): number;
  /** The folder with its state. */
  stateDir: string;
  /** Kills workerd and everything around it, as a crash would. The state stays. */
  kill(): Promise<void>;
  /** Starts again on the same state and port. */
  restart(env?: Record<string, string>): Promise<void>;
  /** Memory of workerd, in bytes: now, and at its highest. */
  memory(): Promise<{ now: number; peak: number }>;
  /** Ends it and removes the state. */
  stop(): Promise<void>;
}

export async function startWorker(env: Record<string, string> = {}, apiKey = "any key"): Promise<Started> {
  const stateDir = await mkdtemp(join(tmpdir(), "edgebatch-worker-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let printed = "";

  async function start(settings: Record<string, string>): Promise<void> {
    const { PATH = "", HOME = "" } = process.env;
    const { args, env } = command(settings, port, stateDir);
    child = spawn(process.execPath, args, {
      cwd: root,
      env: { PATH, HOME, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own: killing it kills workerd, and nothing else.
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
    }
    const ready = async () => (await fetch(`${url}/health`).catch(() => null))?.ok ?? false;
    const started = child;
    await until("the Worker answers", async () => {
      if (started.exitCode !== null) throw new Error(`the Worker did not start:\n${printed}`);
      return ready();
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    if (ending?.pid === undefined) return;
    const ended = new Promise((next) => ending.once("close", next));
    try {
      process.kill(-ending.pid, signal);
    } catch {
      return; // Already gone.
    }
    await ended;
    child = undefined;
  }

  await start(env);
  return {
    url,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }),
    log: () => printed,
    pid: () => child?.pid as number,
    stateDir,
    kill: () => end("SIGKILL"),
    restart: (changed = {}) => start({ ...env, ...changed }),
    memory: async () => workerdMemory(child?.pid as number),
    stop: async () => {
      await end("SIGKILL");
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** How the Worker is started; or, for tests of what both promise, `edgebatch serve`. */
function command(settings: Record<string, string>, port: number, stateDir: string): Command {
  if (process.env.EDGEBATCH_TESTED === "serve") return serveCommand(settings, port, stateDir);
  const place = { HOST: "127.0.0.1", PORT: String(port), STATE_DIR: stateDir };
  return { args: ["scripts/serve/start.mjs", "--built"], env: { ...place, ...settings } };
}

/** Waits until something holds. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms, but never: ${what}`);
    await new Promise((next) => setTimeout(next, 25));
  }
}

/** Waits for a batch to be done with. */
export async function ended(client: OpenAI, id: string, timeoutMs = 120_000): Promise<OpenAI.Batch> {
  let batch: OpenAI.Batch | undefined;
  await until(
    `batch ${id} is done with`,
    async () => {
      batch = await client.batches.retrieve(id);
      return ["completed", "failed", "expired", "cancelled"].includes(batch.status);
    },
    timeoutMs,
  );
  return batch as OpenAI.Batch;
}

/** Lines of a chat batch. */
export function chatLines(count: number, model = "echo-1"): string {
  const line = (i: number) =>
    JSON.stringify({
      custom_id: `request-${i}`,
      method: "POST",
      url: "/v1/chat/completions",
      body: { model, messages: [{ role: "user", content: `number ${i}` }] },
    });
  return Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");
}

/** Uploads lines and creates a batch over them. */
export async function createBatch(
  client: OpenAI,
  lines: string,
  more: Partial<OpenAI.BatchCreateParams> = {},
): Promise<OpenAI.Batch> {
  const file = await client.files.create({ purpose: "batch", file: new File([lines], "input.jsonl") });
  return client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    ...more,
  });
}

/** The lines of a batch's output or error file. */
export async function linesOf(client: OpenAI, id: string | null | undefined): Promise<ResultLine[]> {
  if (!id) return [];
  const content = await (await client.files.content(id)).text();
  return content
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

export interface ResultLine {
  id: string;
  custom_id: string;
  response: { status_code: number; request_id: string; body: Record<string, unknown> } | null;
  error: { code: string; message: string } | null;
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((next) => server.listen(0, "127.0.0.1", next));
  const { port } = server.address() as { port: number };
  await new Promise((next) => server.close(next));
  return port;
}

/** Of all processes called workerd below one. */
async function workerdMemory(pid: number): Promise<{ now: number; peak: number }> {
  const { readdir, readFile } = await import("node:fs/promises");
  const read = async (path: string) => readFile(path, "utf8").catch(() => "");
  const [sum, parents] = [{ now: 0, peak: 0 }, new Map<number, number>()];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const each of pids) {
    const stat = await read(`/proc/${each}/stat`);
    parents.set(each, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const isBelow = (each: number | undefined): boolean =>
    each === pid || (!!each && isBelow(parents.get(each)));
  for (const each of pids.filter(isBelow)) {
    const status = await read(`/proc/${each}/status`);
    if (!/^Name:\s+workerd/m.test(status)) continue;
    sum.now += 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    sum.peak += 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return sum;
}
