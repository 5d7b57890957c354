/** Runs a script with a Python that set-up has given the official client, or others. */

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edgebatch");

/** What the script printed, with the newest official client. Fails when it fails, or when there is no such Python. */
export function runPython(script: string, ...args: string[]): Promise<string> {
  return runPythonWith("", script, ...args);
}

/** The Python that has the clients of `requirements-{name}.txt`. */
export function pythonWith(name: string): string {
  const python = join(cache, `openai-python${name && `-${name}`}`, "bin/python");
  assert.ok(existsSync(python), `${python} is missing; node scripts/setup.mjs makes it`);
  return python;
}

/** As {@link runPython}, with the clients of `requirements-{name}.txt`. */
export async function runPythonWith(name: string, script: string, ...args: string[]): Promise<string> {
  const child = spawn(pythonWith(name), [join(import.meta.dirname, script), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const status = await new Promise((next) => child.on("close", next));
  assert.equal(status, 0, `${out}${errors}`);
  return out;
}
