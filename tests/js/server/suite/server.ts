/** Starts a server in real processes, with state of its own; and ends it gently or by SIGKILL. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import OpenAI from "openai";
import { freePort, until } from "./batches.ts";
import { type Runtime, runtime } from "./runtimes.ts";

const root = resolve(import.meta.dirname, "../../../..");

export interface Started {
  url: string;
  client: OpenAI;
  /** What it printed so far. */
  log(): string;
  /** The process that was started. */
  pid(): number;
  /** The folder with its state. */
  stateDir: string;
  /** Kills the server and everything around it, as a crash would. The state stays. */
  kill(): Promise<void>;
  /** Starts again on the same state and port, under another runtime if one is named. */
  restart(env?: Record<string, string>, other?: Runtime): Promise<void>;
  /** Memory of the server, in bytes: now, and at its highest. */
  memory(): Promise<{ now: number; peak: number }>;
  /** Ends it and removes the state. */
  stop(): Promise<void>;
}

/** Starts the server that is tested, with settings that have the names of the Worker's variables. */
export async function startServer(
  env: Record<string, string> = {},
  apiKey = "any key",
  tested: Runtime = runtime,
): Promise<Started> {
  const stateDir = await mkdtemp(join(tmpdir(), "edgebatch-server-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let printed = "";

  async function start(settings: Record<string, string>, under = tested): Promise<void> {
    const { PATH = "", HOME = "" } = process.env;
    const { program, args, env } = under.command(settings, { port, stateDir });
    child = spawn(program, args, {
      cwd: root,
      env: { PATH, HOME, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own: killing it kills all of the server, and nothing else.
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
    }
    const ready = async () => (await fetch(`${url}/health`).catch(() => null))?.ok ?? false;
    const started = child;
    const failed = new Promise<never>((_, reject) => started.once("error", reject));
    await Promise.race([
      failed,
      until("the server answers", async () => {
        if (started.exitCode !== null) throw new Error(`the server did not start:\n${printed}`);
        return ready();
      }),
    ]);
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
    restart: (changed = {}, other) => start({ ...env, ...changed }, other),
    memory: async () => memoryBelow(child?.pid as number, tested.process),
    stop: async () => {
      await end("SIGKILL");
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Of a process and those below it, as far as they have such a name. */
async function memoryBelow(pid: number, named: RegExp): Promise<{ now: number; peak: number }> {
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
    if (!named.test(/^Name:\s+(.*)/m.exec(status)?.[1] ?? "")) continue;
    sum.now += 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    sum.peak += 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return sum;
}
