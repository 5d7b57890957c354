/** Runs a script with the Python that set-up has given the official client. */

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edgebatch");
const python = join(cache, "openai-python/bin/python");

/** What the script printed. Fails when it fails, or when there is no such Python. */
export async function runPython(script: string, ...args: string[]): Promise<string> {
  assert.ok(existsSync(python), `${python} is missing; node scripts/setup.mjs makes it`);
  const child = spawn(python, [join(import.meta.dirname, script), ...args], {
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
