// `npm start`: sets up, builds and serves the Worker in workerd, on this machine alone and offline. Files, batches and
// their runs are kept under $STATE_DIR. The Worker's settings are taken from the environment.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "./build.mjs";
import { bin, env, Failure, main, node, root, say } from "./lib.mjs";

/** Settings that go through to the Worker; docs/worker.md says what they do. */
const settings = [
  "UPSTREAM_URL",
  "UPSTREAM_KEY",
  "ECHO_LATENCY_MS",
  "API_KEYS",
  "ALLOW_ANONYMOUS",
  "DIALECT",
  "ENDPOINTS",
  "MODELS",
  "MAX_CONCURRENT_BATCHES",
  "MAX_CONCURRENT_REQUESTS",
  "REQUEST_TIMEOUT_MS",
  "MAX_ATTEMPTS",
  "MAX_FILE_BYTES",
  "MAX_REQUESTS",
];

/** Wrangler asks nobody for updates, sends nothing, fetches nothing and keeps its files with ours. */
function quietEnv(stateDir) {
  return {
    ...env,
    CI: "true",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_LOG_PATH: join(stateDir, "logs"),
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  };
}

/** The settings as a file, as arguments could be seen by other users. */
function writeSettings(file) {
  const given = { ...process.env };
  // On this machine no key is needed, unless keys are set.
  if (!given.API_KEYS && !given.ALLOW_ANONYMOUS) given.ALLOW_ANONYMOUS = "1";
  const lines = settings.filter((name) => given[name]).map((name) => `${name}=${quoted(name, given[name])}`);
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
}

function quoted(name, value) {
  const mark = ["'", '"', "`"].find((candidate) => !value.includes(candidate));
  if (!mark || /[\r\n]/.test(value))
    throw new Failure(`start: ${name} holds all three kinds of quotes, or a line break`);
  return mark + value + mark;
}

async function ready(address, child) {
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`${address}/health`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    if (answer?.ok) return true;
    await new Promise((next) => setTimeout(next, 100));
  }
  return false;
}

function examples(address) {
  return `
edgebatch serves ${address}/v1 (state in ${stateDir}; Ctrl+C stops it). To try it:

  page   ${address}/
  curl   curl ${address}/v1/files -F purpose=batch -F file=@examples/chat-batch.jsonl
  Python client = openai.OpenAI(base_url="${address}/v1", api_key="any")
  Node   const client = new OpenAI({ baseURL: "${address}/v1", apiKey: "any" });
`;
}

const stateDir = resolve(process.env.STATE_DIR || join(root, ".edgebatch"));

main(async () => {
  // Tests have built already.
  if (!process.argv.includes("--built")) build();
  const port = process.env.PORT || "8787";
  const ip = process.env.HOST || "localhost";
  mkdirSync(stateDir, { recursive: true });
  const settingsFile = join(stateDir, "settings.env");
  writeSettings(settingsFile);
  const args = ["dev", "--local", "--ip", ip, "--port", port, "--inspector-port", "0"];
  args.push("--persist-to", stateDir, "--env-file", settingsFile, "--log-level", "warn");
  args.push("--show-interactive-dev-session=false");
  const child = spawn(node, [join(bin, "wrangler"), ...args], {
    cwd: root,
    env: quietEnv(stateDir),
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise((resolve) => child.on("exit", (status, signal) => resolve({ status, signal })));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  const address = `http://${ip.includes(":") ? `[${ip}]` : ip}:${port}`;
  if (await ready(address, child)) say(examples(address));
  const { status, signal } = await ended;
  process.exitCode = signal ? 0 : status;
});
