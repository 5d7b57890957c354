/** Guards batches over several model servers: one that dies and comes back, models at their own pace, tenants side by side. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ModelServerSettings } from "../../../js/server/model-servers.ts";
import { folder } from "../cli/command.ts";
import { ModelServer } from "../cli/server.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

const hashed = (key: string) => createHash("sha256").update(key).digest("hex");
const names = ["alice", "bob"];

/** `edgebatch serve` in front of these, by a file of settings. Gives a client of a tenant. */
async function inFrontOf(servers: ModelServerSettings[]) {
  const config = join(folder(), "edgebatch.toml");
  const keys = names.map((name) => `"${name}:${hashed(name)}"`);
  const tables = servers.map(
    ({ name, url, models = [], concurrency }) =>
      `[[server]]\nname = "${name}"\nurl = "${url}"\nmodels = ${JSON.stringify(models)}\nconcurrency = ${concurrency}\n`,
  );
  writeFileSync(config, `batches = 2\napi_keys = [${keys}]\n${tables.join("")}`);
  const { client } = await serving(["--config", config, "--data", stateFolder()]);
  return (apiKey = "alice") => client(apiKey);
}

async function modelServer(name: string, models: string[], concurrency: number, latencyMs: number) {
  const model = new ModelServer();
  model.latencyMs = latencyMs;
  const settings = { name, url: await model.listen(), models, concurrency, timeoutMs: 60_000 };
  return { model, settings };
}

const idsOf = (lines: { custom_id: string }[]) => new Set(lines.map(({ custom_id }) => custom_id));

test("a server that dies in the middle of a batch: the other takes over, nothing is lost, and it is used again when it is back", async () => {
  const [a, b] = [await modelServer("a", ["m"], 8, 20), await modelServer("b", ["m"], 8, 20)];
  const client = await inFrontOf([a.settings, b.settings]);
  const { id } = await createBatch(client(), chatLines(2_000, "m"));
  await a.model.reached(100);
  const { port } = new URL(a.settings.url);
  a.model.close();
  const before = b.model.total;
  await b.model.reached(before + 200);
  const again = new ModelServer();
  again.latencyMs = 20;
  await again.listen(Number(port));
  await again.reached(50);
  const batch = await ended(client(), id);
  assert.deepEqual(batch.request_counts, { total: 2_000, completed: 2_000, failed: 0 });
  assert.equal(idsOf(await linesOf(client(), batch.output_file_id)).size, 2_000);
  const calls = new Map<string, number>();
  for (const { calls: each } of [a.model, b.model, again]) {
    for (const [key, count] of each) calls.set(key, (calls.get(key) ?? 0) + count);
  }
  assert.equal(calls.size, 2_000);
  // What was in flight when it died, and what it was tried with.
  const repeated = [...calls.values()].filter((count) => count > 1).length;
  assert.ok(repeated <= 8 + 8, `${repeated} were sent twice`);
});

test("a batch over two models of two servers runs on each at its own pace", async () => {
  const [fast, slow] = [await modelServer("fast", ["f"], 8, 5), await modelServer("slow", ["s"], 2, 500)];
  const client = await inFrontOf([fast.settings, slow.settings]);
  // All of the slow one's come first in the file.
  const lines = chatLines(10, "s") + chatLines(1_000, "f").replaceAll("request-", "fast-");
  const { id } = await createBatch(client(), lines);
  await until("the fast one is done", () => fast.model.total === 1_000 && fast.model.inFlight === 0);
  assert.ok(slow.model.total < 10, `the slow one has had ${slow.model.total} of 10`);
  const batch = await ended(client(), id);
  assert.deepEqual(batch.request_counts, { total: 1_010, completed: 1_010, failed: 0 });
  assert.ok(slow.model.mostInFlight <= 2 && fast.model.mostInFlight <= 8);
  const output = await linesOf(client(), batch.output_file_id);
  assert.deepEqual(output[0]?.custom_id, "request-0");
});

test("one tenant's long batch does not hold back another's ten requests", async (t) => {
  const { model, settings } = await modelServer("a", ["m"], 16, 50);
  const client = await inFrontOf([settings]);
  const long = await createBatch(client("alice"), chatLines(20_000, "m"));
  await model.reached(500);
  const short = await createBatch(client("bob"), chatLines(10, "m"));
  const began = Date.now();
  const before = model.total;
  const batch = await ended(client("bob"), short.id);
  const tookMs = Date.now() - began;
  assert.equal(batch.request_counts?.completed, 10);
  assert.ok(model.mostInFlight <= 16, `${model.mostInFlight} at once`);
  const meanwhile = model.total - before - 10;
  assert.ok(meanwhile < 2_000, `${meanwhile} of the other's came before`);
  t.diagnostic(`ten requests beside 20,000: ${tookMs} ms in all, ${meanwhile} of the others meanwhile`);
  await client("alice").batches.cancel(long.id);
  await ended(client("alice"), long.id);
});

test("interactive calls are sent at once beside a batch that takes all there is, and the batch goes on after them", async () => {
  const { model, settings } = await modelServer("a", ["m"], 4, 300);
  const client = await inFrontOf([settings]);
  const { id } = await createBatch(client(), chatLines(40, "m"));
  await model.reached(8);
  assert.ok(model.mostInFlight <= 4);
  const chat = { model: "m", messages: [{ role: "user" as const, content: "now" }] };
  const answers = await Promise.all(Array.from({ length: 6 }, () => client().chat.completions.create(chat)));
  assert.ok(answers.every(({ choices }) => choices[0]?.message.content === "now"));
  assert.ok(model.mostInFlight >= 6 + 3, `${model.mostInFlight} at once`);
  assert.equal((await ended(client(), id)).request_counts?.completed, 40);
});

test("a model server that is away when the server starts is logged then, with its address", async () => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const server = await serving(["--data", stateFolder(), "--url", `http://127.0.0.1:${port}/v1`]);
  let log = "";
  const told = new Promise<void>((resolve) => {
    server.child.stderr?.on("data", (text: string) => {
      log += text;
      if (log.includes('"upstream.failed"')) resolve();
    });
  });
  const { stderr } = await Promise.race([told, delay(2_000)]).then(() => server.end("SIGTERM"));
  assert.match(stderr, new RegExp(`"upstream.failed".*fetch failed: .*127.0.0.1:${port}`));
});
