/** The servers that keep the same promises, and how each is started with the settings that the tests give. */

import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../../..");

export interface Command {
  program: string;
  args: string[];
  env: Record<string, string>;
}

/** Where a server listens, and keeps what it has. */
export interface Place {
  port: number;
  stateDir: string;
}

export interface Runtime {
  /** The command that serves with these settings, which have the names of the Worker's variables. */
  command(settings: Record<string, string>, place: Place): Command;
  /** How the process is called that holds the server's memory, of those that the command starts. */
  readonly process: RegExp;
}

/** What runs `edgebatch serve`: the programs themselves, and no script around them, as a signal is to reach the server. */
export const programs = {
  node: [process.execPath],
  bun: [join(root, "node_modules/bun/bin/bun.exe")],
  // Quiet, as it tells on a terminal what it loads.
  deno: [join(root, "node_modules/deno/deno"), "run", "--quiet", "--allow-all", "--no-prompt"],
} as const;

export type ProgramName = keyof typeof programs;

export const runtimes: Record<ProgramName | "worker", Runtime> = {
  worker: {
    command: (settings, { port, stateDir }) => ({
      program: process.execPath,
      args: ["scripts/serve/start.mjs", "--built"],
      // What would fail on the platform, which has limits that workerd has not, is to fail here.
      env: {
        ...{ HOST: "127.0.0.1", PORT: String(port), STATE_DIR: stateDir },
        ...{ PLATFORM_LIMITS: "1", ...settings },
      },
    }),
    process: /^workerd$/,
  },
  node: served("node"),
  bun: served("bun"),
  deno: served("deno"),
};

/** The name of the one that is tested. */
export const runtimeName = (process.env.EDGEBATCH_RUNTIME ?? "node") as keyof typeof runtimes;

const known = Object.keys(runtimes);
if (!known.includes(runtimeName)) {
  throw new Error(`EDGEBATCH_RUNTIME must be one of ${known.join(", ")}, but is '${runtimeName}'`);
}

/** The one that is tested. */
export const runtime: Runtime = runtimes[runtimeName];

/** What serves is `edgebatch serve`, and not the Worker. */
export const isServe = runtimeName !== "worker";

const options: Record<string, string> = {
  UPSTREAM_URL: "--url",
  ECHO_LATENCY_MS: "--latency",
  MODELS: "--models",
  API_KEYS: "--api-keys",
  ADMIN_KEYS: "--admin-keys",
  MAX_CONCURRENT_BATCHES: "--batches",
  MAX_CONCURRENT_REQUESTS: "--concurrency",
  MAX_ATTEMPTS: "--max-attempts",
  PRICES: "--prices",
  MAX_REQUESTS: "--max-requests",
  MAX_PARTS: "--max-parts",
  ORDER: "--order",
  MAX_FILE_BYTES: "--max-file-bytes",
  MAX_LINE_BYTES: "--max-line-bytes",
  MAX_RESPONSE_BYTES: "--max-response-bytes",
  MAX_FILES: "--quota-files",
  MAX_STORED_BYTES: "--quota-stored-bytes",
  MAX_QUEUED_BATCHES: "--quota-queued-batches",
  MAX_QUEUED_REQUESTS: "--quota-queued-requests",
  MAX_REQUESTS_PER_MINUTE: "--requests-per-minute",
};

function served(name: ProgramName): Runtime {
  const [program, ...before] = programs[name];
  return {
    command(settings, { port, stateDir }) {
      const place = ["--port", String(port), "--data", join(stateDir, "data")];
      const args = [...before, "js/cli/main.ts", "serve", ...place];
      const env: Record<string, string> = {};
      for (const [name, value] of Object.entries(settings)) {
        const option = options[name];
        if (option !== undefined) args.push(option, value);
        else if (name === "REQUEST_TIMEOUT_MS") args.push("--timeout", String(Number(value) / 1000));
        else if (name === "ALLOW_ANONYMOUS") args.push("--allow-anonymous");
        else if (name === "WEBHOOK_ALLOW_PRIVATE") args.push("--webhook-allow-private");
        else if (name === "UPSTREAM_KEY") env.EDGEBATCH_KEY = value;
        else throw new Error(`edgebatch serve has no setting ${name}`);
      }
      return { program, args, env };
    },
    process: /./,
  };
}
