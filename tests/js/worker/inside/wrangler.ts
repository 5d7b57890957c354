/** Wrangler's commands in a project. They ask nobody, send nothing, and write nothing outside of it. */

import { strict as assert } from "node:assert";
import { execFile, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { freePort, until } from "../server.ts";

const script = resolve(import.meta.dirname, "../../../../node_modules/wrangler/bin/wrangler.js");
const run = promisify(execFile);

const environment = (project: string) => ({
  PATH: process.env.PATH ?? "",
  ...{ HOME: project, XDG_CONFIG_HOME: join(project, ".config"), CI: "true", NO_COLOR: "1" },
  ...{ WRANGLER_SEND_METRICS: "false", WRANGLER_WRITE_LOGS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
});

export const wrangler = (project: string, args: string[], env: Record<string, string> = {}) =>
  run(process.execPath, [script, ...args], { cwd: project, env: { ...environment(project), ...env } });

/** `wrangler dev`, once it answers. */
export async function startDev(project: string, args: string[] = []) {
  const port = await freePort();
  const child = spawn(process.execPath, [script, "dev", "--port", `${port}`, ...args], {
    ...{ cwd: project, env: environment(project), stdio: ["ignore", "pipe", "pipe"], detached: true },
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => {
      printed += text;
    });
  }
  const gone = new Promise((next) => child.once("close", next));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null) process.kill(-(child.pid as number), "SIGKILL");
    await gone;
  };
  try {
    await until("it answers", async () => {
      assert.equal(child.exitCode, null, printed);
      return (await fetch(`${url}/health`).catch(() => null))?.ok ?? false;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop, printed: () => printed };
}
