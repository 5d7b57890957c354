// `npm run demo`: sets up, builds, and drives the batch in examples/ with OpenAI's own client: through `edgebatch serve` in
// front of a small model server, and through the Worker in workerd. Nothing leaves this machine.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { build } from "../build.mjs";
import { env, node, root } from "../lib/env.mjs";
import { Failure, main, say, seconds } from "../lib/process.mjs";
import { startModelServer } from "./demo/model-server.mjs";
import { startServe, startWorker } from "./demo/servers.mjs";

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

/** Runs the example against a server; its files go to a folder. Gives the finished batch, as it prints it. */
function drive(address, into) {
  mkdirSync(into, { recursive: true });
  const child = spawn(node, [example, input, into], {
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

/** A call that somebody waits for, at the same address: it goes through to the model server, and its stream comes back. */
async function ask(address, content) {
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: "any" });
  const messages = [{ role: "user", content }];
  process.stdout.write("\nchat.completions.create, with stream: true  ");
  for await (const chunk of await client.chat.completions.create({
    model: "echo-1",
    messages,
    stream: true,
  })) {
    process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  }
  say("");
}

async function showServe() {
  const start = performance.now();
  say("demo 1: edgebatch serve, in front of a small model server …");
  const model = await startModelServer();
  const { address, stop } = await startServe(folder, model.url);
  say(`demo 1: it answers at ${address} (${seconds(start)}); now ${example}, with the package openai:\n`);
  try {
    await drive(address, join(folder, "from-serve"));
    await ask(address, "the same address takes calls that somebody waits for");
  } finally {
    await stop();
    model.close();
  }
}

async function showWorker() {
  const start = performance.now();
  say("\ndemo 2: the Worker in workerd, with the embedded model echo-1 …");
  const { address, stop } = await startWorker(folder, await freePort());
  say(`demo 2: it answers at ${address} (${seconds(start)}); the same again:\n`);
  const into = join(folder, "from-worker");
  try {
    const batch = await drive(address, into);
    say("\nthe finished batch:");
    say(batch.trimEnd());
  } finally {
    await stop();
  }
  head("output file", join(into, "output.jsonl"));
  head("error file (a few of the example's requests are wrong on purpose)", join(into, "errors.jsonl"));
}

main(async () => {
  build();
  rmSync(folder, { recursive: true, force: true });
  await showServe();
  await showWorker();
  say(
    `\nNode 22.13 or newer runs "node dist/cli/main.js serve --url …", in front of your model server; npm start the Worker.`,
  );
});
