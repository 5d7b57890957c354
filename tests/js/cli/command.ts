/** Runs the command line from its sources, as a user would, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { programs, runtimeName } from "../server/suite/runtimes.ts";

const main = fileURLToPath(new URL("../../../js/cli/main.ts", import.meta.url));
/** `edgebatch` from its sources, under Node or the runtime that is tested. */
export const command = [...programs[runtimeName === "worker" ? "node" : runtimeName], main];

/** What a command printed and how it ended. */
export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A command under way. */
export interface Started {
  child: ChildProcess;
  ended: Promise<Ended>;
}

/** The environment of a command: keys and servers of whoever runs the tests must not leak into them. */
export function environment(added: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(EDGEBATCH_|OTEL_|OPENAI_(API_KEY|BASE_URL)$|NO_COLOR$)/.test(name)) delete env[name];
  }
  return { ...env, ...added };
}

/** Starts `edgebatch …args`, by another command where one is to `exec` it. */
export function start(
  args: string[],
  options: { cwd?: string; stdin?: "pipe" | "ignore"; env?: Record<string, string>; by?: string[] } = {},
): Started {
  const [program, ...before] = [...(options.by ?? []), ...command];
  const child = spawn(program as string, [...before, ...args], {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  return { child, ended };
}

/** Runs `edgebatch …args` to its end, with `input` on standard input. */
export function edgebatch(
  args: string[],
  options: { cwd?: string; input?: string | Uint8Array; env?: Record<string, string> } = {},
): Promise<Ended> {
  const { child, ended } = start(args, {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env }),
    stdin: options.input === undefined ? "ignore" : "pipe",
  });
  child.stdin?.end(options.input);
  return ended;
}

/** A folder that goes when the tests of this file have ended. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "edgebatch-cli-"));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A good line of a batch file. */
export function line(id: string, content = "hello", model = "echo-1"): string {
  const body = { model, messages: [{ role: "user", content }] };
  return `${JSON.stringify({ custom_id: id, method: "POST", url: "/v1/chat/completions", body })}\n`;
}
