/** Child processes that run a piece of TypeScript, and are killed when they have done enough. */

import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Where the hosts are, for imports within a child's source. */
export const hosts = new URL("../../../js/hosts/", import.meta.url).href;

const node = [process.execPath, "--experimental-strip-types", "--disable-warning=ExperimentalWarning"];

/** Starts Node, or another runtime by its command, with the source, which is a module. */
export function start(directory: string, source: string, command: readonly string[] = node): ChildProcess {
  const path = join(directory, `child-${Math.random().toString(36).slice(2)}.mts`);
  writeFileSync(path, source);
  const [program, ...args] = command as [string, ...string[]];
  return spawn(program, [...args, path], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Kills the child, without notice, once it has printed so many lines; gives all lines that it has printed. */
export async function killAfter(child: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  const ended = new Promise((resolve) => child.once("close", resolve));
  if (child.stdout === null) throw new Error("no output");
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === count) child.kill("SIGKILL");
  }
  await ended;
  if (lines.length < count) throw new Error(`The child ended by itself after ${lines.length} lines.`);
  return lines;
}

/** Waits for the child to end by itself, and fails unless it ends well; gives what it printed. */
export async function finish(child: ChildProcess): Promise<string> {
  let output = "";
  child.stdout?.on("data", (part) => {
    output += part;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`The child ended with ${code}: ${output}`);
  return output;
}
