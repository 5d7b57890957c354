// The two servers of the demo, each as a user would start it.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { env, node, root } from "../../lib/env.mjs";
import { Failure } from "../../lib/process.mjs";

/** `edgebatch serve` in front of a model server. */
export function startServe(folder, modelServer) {
  const args = [
    "dist/cli/main.js",
    "serve",
    "--port",
    "0",
    "--url",
    modelServer,
    "--data",
    join(folder, "serve"),
  ];
  return start(args, {}, (printed) => /serves (http:\S+)\/v1/.exec(printed)?.[1]);
}

/** The Worker in workerd, with the embedded model. */
export function startWorker(folder, port) {
  const settings = { PORT: String(port), HOST: "127.0.0.1", STATE_DIR: join(folder, "worker") };
  // A model takes its time; without any, there would be no progress to see.
  const model = { UPSTREAM_URL: "", ECHO_LATENCY_MS: "120" };
  const args = ["scripts/serve/start.mjs", "--built"];
  const address = `http://127.0.0.1:${port}`;
  return start(args, { ...settings, ...model, API_KEYS: "", ALLOW_ANONYMOUS: "1" }, () => address);
}

/** Serves until `stop` is called. What it prints is shown only when it fails. */
async function start(args, settings, addressIn) {
  const child = spawn(node, args, {
    ...{ cwd: root, stdio: ["ignore", "pipe", "pipe"] },
    env: { ...env, ...settings },
  });
  const ended = new Promise((next) => child.on("close", next));
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      printed += chunk;
    });
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  process.once("SIGINT", () => stop().then(() => process.exit(130)));
  while (child.exitCode === null && child.signalCode === null) {
    const address = addressIn(printed);
    const answer = address && (await fetch(`${address}/health`).catch(() => null));
    if (answer?.ok) return { address, stop };
    await new Promise((next) => setTimeout(next, 20));
  }
  throw new Failure(`demo: ${args[0]} did not start:\n${printed}`);
}
