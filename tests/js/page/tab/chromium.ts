/** A Chromium that can be killed, and started again with what it kept. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { until } from "../../server/suite/batches.ts";
import { browserPath, switches } from "../browser.ts";

export interface KillableChromium {
  /** Starts it, or starts it again. */
  start(): Promise<BrowserContext>;
  /** Ends all of its processes by SIGKILL. */
  kill(): Promise<void>;
  /** Kills it, and forgets what it kept. */
  remove(): Promise<void>;
}

/** With a profile of its own. */
export async function killableChromium(): Promise<KillableChromium> {
  const profile = await mkdtemp(join(tmpdir(), "edgebatch-chromium-"));
  let child: ChildProcess | undefined;
  let connected: Browser | undefined;
  async function kill(): Promise<void> {
    const { pid } = child ?? {};
    if (child === undefined || pid === undefined) return;
    const ended = new Promise((next) => child?.once("exit", next));
    // Its renderers and helpers are of its group.
    process.kill(-pid, "SIGKILL");
    await ended;
    child = undefined;
    await connected?.close().catch(() => {});
  }
  async function startOnce(): Promise<BrowserContext> {
    const args = [...switches, "--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
    const started = spawn(browserPath(), args, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    let printed = "";
    started.stderr.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    const address = () => /DevTools listening on (ws:\S+)/.exec(printed)?.[1];
    await until("Chromium listens", () => address() !== undefined);
    connected = await chromium.connectOverCDP(address() as string, { timeout: 20_000 });
    return connected.contexts()[0] as BrowserContext;
  }
  return {
    async start() {
      for (let tries = 1; ; tries++) {
        try {
          return await startOnce();
        } catch (error) {
          // On a busy machine one now and then listens, and never answers.
          await kill();
          if (tries === 3) throw error;
        }
      }
    },
    kill,
    async remove() {
      await kill();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
