// `npm run demo`: sets up, builds, serves the Worker in workerd and drives the batch in examples/ through it with
// OpenAI's own client. The embedded model echo-1 answers; nothing leaves this machine.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { build } from "../build.mjs";
import { env, node, root } from "../lib/env.mjs";
import { Failure, main, say, seconds } from "../lib/process.mjs";

const shown = 3;
const folder = join(root, ".edgebatch/demo");
const example = "examples/openai-node.mjs";
const input = "examples/chat-batch.jsonl";

/** The first lines of a file, each cut to the width of the terminal. */
function head(title, file) {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const width = Math.max(60, process.stdout.columns ?? 110);
  say(`\n${title}: ${lines.length} lines in ${file.slice(root.length + 1)}`);
  for (const line of lines.slice(0, shown)) say(line.length > width ? `${line.slice(0, width - 1)}…` : line);
  if (lines.length > shown) say(`… and ${lines.length - shown} more`);
}

function freePort() {
  const server = createServer();
  return new Promise((next) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => next(port));
    }),
  );
}

/** Serves the Worker until `stop` is called. What it prints is shown only when it fails. */
async function serve(port) {
  const settings = { PORT: String(port), HOST: "127.0.0.1", STATE_DIR: join(folder, "state") };
  // A model takes its time; without any, there would be no progress to see.
  const child = spawn(node, ["scripts/serve/start.mjs", "--built"], {
    ...{ cwd: root, stdio: ["ignore", "pipe", "pipe"] },
    env: {
      ...env,
      ...settings,
      UPSTREAM_URL: "",
      API_KEYS: "",
      ALLOW_ANONYMOUS: "1",
      ECHO_LATENCY_MS: "120",
    },
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
  const address = `http://127.0.0.1:${port}`;
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`${address}/health`).catch(() => null);
    if (answer?.ok) return { address, stop };
    await new Promise((next) => setTimeout(next, 50));
  }
  throw new Failure(`demo: the Worker did not start:\n${printed}`);
}

function drive(address) {
  const child = spawn(node, [example, input, folder], {
    ...{ cwd: root, stdio: ["ignore", "pipe", "inherit"] },
    env: { ...env, OPENAI_BASE_URL: `${address}/v1`, OPENAI_API_KEY: "any" },
  });
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  return new Promise((next, fail) =>
    child.on("close", (status) =>
      status === 0 ? next(printed) : fail(new Failure(`demo: ${example} ended with status ${status}`)),
    ),
  );
}

main(async () => {
  build();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const start = performance.now();
  say("demo: starting the Worker in workerd, with the embedded model echo-1 …");
  const { address, stop } = await serve(await freePort());
  say(`demo: it answers at ${address} (${seconds(start)}); now ${example}, with the package openai:\n`);
  try {
    const batch = await drive(address);
    say("\nthe finished batch:");
    say(batch.trimEnd());
  } finally {
    await stop();
  }
  head("output file", join(folder, "output.jsonl"));
  head("error file", join(folder, "errors.jsonl"));
  say("\nnpm start serves it for your own client.");
});
