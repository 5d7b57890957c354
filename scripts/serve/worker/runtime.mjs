// workerd with the Worker in it, as Miniflare sets it up. It listens on socket files in a folder that is ours alone: the
// Worker's own, and Miniflare's entry, which only the cron needs.
import { spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { node, root } from "../../lib/env.mjs";
import { contentHash, filesUnder } from "../../lib/files.mjs";
import { Failure, run as runCommand } from "../../lib/process.mjs";
import { startCpuClock } from "./cpu.mjs";

const bundles = join(root, "target/server");
const wrapper = join(root, "scripts/serve/worker/workerd.sh");

/** Bundles the Worker, unless it is as it was; the folder. Several may do so at once: it is there whole, or not at all. */
export function bundleWorker() {
  const inputs = filesUnder(["js", "wrangler.toml", "package-lock.json", "scripts/serve/worker"]);
  const name = contentHash(inputs).slice(0, 16);
  const bundle = join(bundles, name);
  if (existsSync(bundle)) return bundle;
  const making = `${bundle}.${process.pid}`;
  // Nothing is asked, sent or written down by wrangler.
  const quiet = { CI: "true", WRANGLER_SEND_METRICS: "false", WRANGLER_WRITE_LOGS: "false" };
  runCommand(node, [join(root, "scripts/serve/worker/bundle.mjs"), making], {
    env: { ...process.env, ...quiet },
  });
  try {
    renameSync(making, bundle);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(bundle)) throw error;
  }
  for (const old of readdirSync(bundles))
    if (!old.startsWith(name)) rmSync(join(bundles, old), { recursive: true, force: true });
  return bundle;
}

function workerOptions(bundle, vars, socket) {
  const read = (file, encoding) => readFileSync(join(bundle, file), encoding);
  const { modules, env, ...config } = JSON.parse(read("worker.json", "utf8"));
  const mainModule = vars.PLATFORM_LIMITS ? "limited.js" : "main.js";
  const needed = modules.filter(([name, type]) => type === "wasm" || name === mainModule);
  const contents = needed.map(([name, type]) => [
    name,
    { type, contents: read(name, type === "esm" ? "utf8" : undefined) },
  ]);
  const texts = Object.entries(vars).map(([name, value]) => [name, { type: "text", value }]);
  return {
    config: {
      ...config,
      manifest: { mainModule, modulesRoot: bundle, modules: Object.fromEntries(contents) },
      env: { ...env, ...Object.fromEntries(texts) },
    },
    dev: { rootPath: root, unsafeDirectSockets: [{ host: `unix:${socket}` }] },
  };
}

/**
 * Kills workerd when we are gone, however we went: its input then ends. It is a shell, as that takes no memory to speak of.
 */
function guard() {
  const script = "trap '' INT TERM HUP; read -r pid || exit; read -r _; kill -9 \"$pid\"";
  return spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"] });
}

/** Starts it. `ended` is called with a text when it, or its guard, has come to an end by itself. */
export async function startRuntime({ bundle, vars, stateDir, run, ended }) {
  const require = createRequire(import.meta.url);
  const { Miniflare, NoOpLog } = require("miniflare");
  const socket = join(run, "worker");
  process.env.MINIFLARE_WORKERD_PATH = wrapper;
  process.env.EDGEBATCH_WORKERD = require("workerd").default;
  process.env.EDGEBATCH_ENTRY = join(run, "entry");
  process.env.TMPDIR = run;
  let stopping = false;
  let pid;
  const clock = vars.PLATFORM_LIMITS ? await startCpuClock(() => [pid]) : undefined;
  const allVars = { ...vars, ...(clock && { PLATFORM_CPU_URL: clock.url }) };
  const diesAs = (name) => (status, signal) => {
    if (!stopping) ended(`${name} ended ${signal ? `by ${signal}` : `with status ${status}`}`);
  };
  const guarding = guard();
  guarding.on("exit", diesAs("the guard of workerd"));
  guarding.stdin.on("error", () => {});
  const spawned = ({ process: child }) => {
    child.once("spawn", () => {
      if (child.spawnfile !== wrapper || stopping) return;
      guarding.stdin.write(`${child.pid}\n`);
      pid = child.pid;
      child.once("exit", diesAs("workerd, the runtime,"));
    });
  };
  subscribe("child_process", spawned);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"].map((name) => [name, process.listeners(name)]);
  const miniflare = new Miniflare({
    ...{ host: "127.0.0.1", port: 0, cf: false, logRequests: false, log: new NoOpLog() },
    ...{ enableDevRegistry: false, unsafeTriggerHandlers: true, handleStructuredLogs: show },
    ...{ resourcePersistencePath: join(stateDir, "v3"), workers: [workerOptions(bundle, allVars, socket)] },
  });
  // How the process ends on a signal is for us to say.
  for (const [name, before] of signals)
    for (const listener of process.listeners(name))
      if (!before.includes(listener)) process.removeListener(name, listener);
  try {
    await miniflare.ready;
  } catch (error) {
    throw new Failure(`start: ${error.message}`);
  } finally {
    unsubscribe("child_process", spawned);
  }
  return {
    /** The Worker's socket. What is no port in an address is taken for a part of the path. */
    socketPath: `${socket}:0`,
    /** What Cloudflare's cron would do. */
    cron: () => answers(process.env.EDGEBATCH_ENTRY, "/cdn-cgi/local/scheduled", 60_000),
    healthy: (timeoutMs) => answers(`${socket}:0`, "/health", timeoutMs),
    async stop() {
      stopping = true;
      await miniflare.dispose();
      clock?.close();
      guarding.kill("SIGKILL");
    },
  };
}

/** Whether a GET is answered with success within a time. */
function answers(socketPath, path, timeoutMs) {
  return new Promise((answered) => {
    const call = request({ socketPath, path, agent: false, headers: { host: "localhost" } }, (response) => {
      response.resume();
      response.once("end", () => answered(response.statusCode === 200));
      response.once("error", () => answered(false));
    });
    const timer = setTimeout(() => call.destroy(), timeoutMs);
    call.once("close", () => {
      clearTimeout(timer);
      answered(false);
    });
    call.once("error", () => answered(false));
    call.end();
  });
}

/** Warnings and errors of the Worker and of workerd. That a client went away is neither. */
function show({ level, message }) {
  if (level !== "error" && level !== "warn") return;
  if (/\bdisconnected: |worker_do_not_log/.test(message)) return;
  process.stderr.write(`${message}\n`);
}
