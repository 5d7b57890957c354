/**
 * `npm run soak -- --minutes 30`: one `edgebatch serve`, as it is published, under load at the machine's pace: batches are uploaded,
 * followed, cancelled, read and deleted, calls are passed through, and the model server is now and then busy or broken. Nothing may
 * grow: memory, descriptors, threads. Every line of every batch must be there once. Not among the tests, as it takes as long as
 * it is told to.
 */

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import OpenAI from "openai";
import { chatLines, createBatch, ended, freePort, linesOf } from "../js/server/suite/batches.ts";
import { completion, reply, startUpstream, stream } from "../js/server/suite/upstream.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" } } });
const minutes = Number(values.minutes);
/** Requests of one batch. */
const SIZE = 1_000;
const CLIENTS = 3;
/** How often the process is looked at. */
const SAMPLE_MS = 15_000;

const counts = { batches: 0, cancelled: 0, followed: 0, direct: 0 };
let isOver = false;
const data = mkdtempSync(join(tmpdir(), "edgebatch-soak-"));
process.once("exit", () => rmSync(data, { recursive: true, force: true }));
let [answered, trouble] = [0, 0];
const upstream = await startUpstream(async ({ content, body }, response) => {
  await sleep(Math.random() * 20);
  if (content !== "direct" && Math.random() < 0.002) {
    trouble += 1;
    const status = [429, 500, 503][trouble % 3] as number;
    return reply(response, status, { error: { message: "no", type: "t", code: "c", param: null } });
  }
  answered += 1;
  if (body.stream) await stream(response, completion(content));
  else reply(response, 200, completion(content));
});

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const inspectedAt = await freePort();
const server = spawn(
  process.execPath,
  [
    `--inspect=127.0.0.1:${inspectedAt}`,
    main,
    "serve",
    "--port",
    "0",
    "--data",
    data,
    "--url",
    `${upstream.url}/v1`,
    "--log-level",
    "warn",
  ],
  { stdio: ["ignore", "pipe", "pipe"] },
);
process.once("exit", () => server.kill("SIGKILL"));
const logs: Record<string, number> = {};
const said: string[] = [];
createInterface({ input: server.stderr }).on("line", (line) => {
  try {
    const { event } = JSON.parse(line) as { event?: string };
    logs[String(event)] = (logs[String(event)] ?? 0) + 1;
  } catch {
    if (!/ExperimentalWarning|--trace-warnings|[Dd]ebugg/.test(line)) said.push(line);
  }
});
const url = await new Promise<string>((resolve) =>
  createInterface({ input: server.stdout }).on("line", (line) => {
    const found = /http:\S+\/v1/.exec(line)?.[0];
    if (found) resolve(found);
  }),
);
const client = new OpenAI({ baseURL: url, apiKey: "any", maxRetries: 2, timeout: 60_000 });

interface Sample {
  seconds: number;
  megabytes: number;
  /** What is in use of JavaScript's memory, after all garbage was collected. */
  heapMegabytes: number;
  descriptors: number;
  threads: number;
}
const samples: Sample[] = [];
const began = performance.now();

/** The process as an inspector sees it. */
async function inspected() {
  const [{ webSocketDebuggerUrl }] = (await (await fetch(`http://127.0.0.1:${inspectedAt}/json`)).json()) as [
    { webSocketDebuggerUrl: string },
  ];
  const socket = new WebSocket(webSocketDebuggerUrl);
  await once(socket, "open");
  let last = 0;
  const ask = async (method: string): Promise<{ usedSize: number }> => {
    const id = ++last;
    socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [{ data }] = (await once(socket, "message")) as [MessageEvent<string>];
      const answer = JSON.parse(data) as { id: number; result: { usedSize: number } };
      if (answer.id === id) return answer.result;
    }
  };
  // A process that ends waits for who inspects it.
  return { ask, close: () => socket.close() };
}
const inspector = await inspected();

async function look(): Promise<Sample> {
  await inspector.ask("HeapProfiler.collectGarbage");
  const { usedSize } = await inspector.ask("Runtime.getHeapUsage");
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const number = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  return {
    seconds: Math.round((performance.now() - began) / 1_000),
    megabytes: Math.round(number("VmRSS") / 1_000),
    heapMegabytes: Math.round(usedSize / 100_000) / 10,
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
    threads: number("Threads"),
  };
}

const sampling = (async () => {
  while (!isOver) {
    await sleep(SAMPLE_MS);
    if (server.exitCode !== null) return;
    samples.push(await look());
    console.error(JSON.stringify({ ...samples.at(-1), answered, ...counts }));
  }
})();

/** Follows a batch's results as events; gives their number. */
async function follow(id: string): Promise<number> {
  const response = await fetch(`${url}/batches/${id}/results`, { headers: { accept: "text/event-stream" } });
  let [seen, rest] = [0, ""];
  const decoder = new TextDecoder();
  for await (const part of response.body as ReadableStream<Uint8Array>) {
    const events = (rest + decoder.decode(part, { stream: true })).split("\n\n");
    rest = events.pop() as string;
    for (const event of events) if (event.startsWith("event: result\n")) seen += 1;
  }
  return seen;
}

/** One batch, from its upload until nothing of its files is left. */
async function batch(n: number): Promise<void> {
  const { id, input_file_id } = await createBatch(client, chatLines(SIZE));
  const following = n % 2 === 0 ? follow(id) : undefined;
  if (n % 10 === 9) {
    await sleep(Math.random() * 500);
    await client.batches.cancel(id).catch((error) => assert.equal(error.status, 409));
    counts.cancelled += 1;
  }
  const end = await ended(client, id, 300_000);
  const good = await linesOf(client, end.output_file_id);
  const bad = await linesOf(client, end.error_file_id);
  const found = [...good, ...bad].map(({ custom_id }) => custom_id);
  assert.equal(new Set(found).size, found.length, `${id} has a line twice`);
  // What a cancel found before the check was over has no lines.
  if (end.status === "completed" || found.length > 0) assert.equal(found.length, SIZE, `lines of ${id}`);
  if (end.status === "completed")
    assert.deepEqual(end.request_counts, { total: SIZE, completed: SIZE, failed: 0 });
  if (following) {
    assert.equal(await following, found.length, `events of ${id}`);
    counts.followed += 1;
  }
  for (const file of [input_file_id, end.output_file_id, end.error_file_id])
    if (file) await client.files.delete(file);
  counts.batches += 1;
}

async function batches(): Promise<void> {
  while (!isOver) await batch(counts.batches);
}

/** Calls that are passed through, as a stream and in one piece. */
async function direct(): Promise<void> {
  const messages = [{ role: "user", content: "direct" }] as const;
  while (!isOver) {
    const whole = await client.chat.completions.create({ model: "echo-1", messages: [...messages] });
    assert.equal(whole.choices[0]?.message.content, "direct");
    let text = "";
    const parts = await client.chat.completions.create({
      model: "echo-1",
      messages: [...messages],
      stream: true,
    });
    for await (const part of parts) text += part.choices[0]?.delta.content ?? "";
    assert.equal(text, "direct");
    counts.direct += 2;
    await sleep(200);
  }
}

async function scrape(): Promise<void> {
  const metrics = new URL("/metrics", url);
  while (!isOver) {
    assert.ok((await (await fetch(metrics)).text()).includes("# TYPE"));
    await client.batches.list({ limit: 100 });
    await sleep(1_000);
  }
}

const wrong: string[] = [];
const work = [...Array.from({ length: CLIENTS }, batches), direct(), scrape()];
for (const one of work)
  one.catch((error) => {
    wrong.push(String(error?.stack ?? error).slice(0, 1_000));
    isOver = true;
  });
const until = began + minutes * 60_000;
while (!isOver && performance.now() < until && server.exitCode === null) await sleep(100);
isOver = true;
await Promise.allSettled(work);
await sampling;
inspector.close();

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const quarter = (n: number) => samples.slice((n * samples.length) >> 2, ((n + 1) * samples.length) >> 2);
const sum = (n: number) => ({
  megabytes: median(quarter(n).map(({ megabytes }) => megabytes)),
  heapMegabytes: median(quarter(n).map(({ heapMegabytes }) => heapMegabytes)),
  mostDescriptors: Math.max(...quarter(n).map(({ descriptors }) => descriptors)),
  mostThreads: Math.max(...quarter(n).map(({ threads }) => threads)),
});
const quarters = [0, 1, 2, 3].map(sum);
const [, second, , last] = quarters as [unknown, ReturnType<typeof sum>, unknown, ReturnType<typeof sum>];
if (!(last.megabytes <= second.megabytes * 1.15)) wrong.push("memory grew");
if (!(last.heapMegabytes <= second.heapMegabytes + 2)) wrong.push("what is in use of it grew");
if (!(last.mostDescriptors <= second.mostDescriptors + 10)) wrong.push("descriptors grew");
if (!(last.mostThreads <= second.mostThreads)) wrong.push("threads grew");
const alive = server.exitCode === null && server.signalCode === null;
if (!alive) wrong.push(`the server ended with ${server.exitCode ?? server.signalCode}`);
if (said.length > 0) wrong.push(`it said: ${said.slice(0, 20).join("\n")}`);
if (alive) {
  server.kill("SIGTERM");
  const [code] = await once(server, "exit");
  if (code !== 0) wrong.push(`it ended with ${code}`);
}
const seconds = Math.round((performance.now() - began) / 1_000);
console.log(JSON.stringify({ seconds, answered, trouble, ...counts, quarters, logs, wrong }, null, 2));
process.exit(wrong.length > 0 ? 1 : 0);
