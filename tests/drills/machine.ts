/** A server of a drill, which is killed, stopped and started again, always at one port. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { freePort } from "../js/machines/postgres.ts";
import { credentials } from "../js/machines/s3.ts";
import type { Way } from "./way.ts";

const main = fileURLToPath(new URL("../../js/cli/main.ts", import.meta.url));

export class Machine {
  readonly database: Way;
  readonly files: Way;
  readonly #args: string[];
  readonly #events = new Map<string, number>();
  #port = 0;
  #child: ChildProcess | undefined;
  #busy: Promise<void> = Promise.resolve();
  #last = "";

  constructor(database: Way, files: Way, args: string[]) {
    this.database = database;
    this.files = files;
    this.#args = args;
    process.once("exit", () => this.#child?.kill("SIGKILL"));
  }

  /** Starts it, again and again where it cannot reach what it needs. */
  async up(): Promise<void> {
    this.#port ||= await freePort();
    for (;;) {
      const args = ["--disable-warning=ExperimentalWarning", main, "serve", "--port", `${this.#port}`];
      const env = { ...process.env, AWS_ACCESS_KEY_ID: credentials.accessKeyId };
      const child = spawn(process.execPath, [...args, ...this.#args], {
        env: { ...env, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
        stdio: ["ignore", "ignore", "pipe"],
      });
      this.#child = child;
      createInterface({ input: child.stderr }).on("line", (line) => this.#said(line));
      while (child.exitCode === null && child.signalCode === null) {
        if ((await fetch(`http://127.0.0.1:${this.#port}/health`).catch(() => null))?.ok) return;
        await sleep(50);
      }
      await sleep(500);
    }
  }

  async down(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill(signal);
    await ended;
  }

  restart(signal: NodeJS.Signals, pause: number): Promise<void> {
    return this.#alone(async () => {
      await this.down(signal);
      await sleep(pause);
      await this.up();
    });
  }

  stop(ms: number): Promise<void> {
    return this.#alone(async () => {
      this.#child?.kill("SIGSTOP");
      await sleep(ms);
      this.#child?.kill("SIGCONT");
    });
  }

  client(): OpenAI {
    return new OpenAI({
      baseURL: `http://127.0.0.1:${this.#port}/v1`,
      apiKey: "any",
      maxRetries: 2,
      timeout: 20_000,
    });
  }

  /** Megabytes. */
  memory(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, "utf8");
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_000);
  }

  /** What the logs of all said, and how often. */
  static events(machines: Machine[]): Record<string, number> {
    const sum: Record<string, number> = {};
    for (const machine of machines)
      for (const [event, count] of machine.#events) sum[event] = (sum[event] ?? 0) + count;
    return sum;
  }

  #alone(work: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(work);
    return this.#busy;
  }

  #said(line: string): void {
    let event = "no JSON";
    try {
      event = String((JSON.parse(line) as { event?: string }).event);
    } catch {
      this.#last = line;
      console.error(`said: ${this.#last.slice(0, 300)}`);
    }
    this.#events.set(event, (this.#events.get(event) ?? 0) + 1);
  }
}
