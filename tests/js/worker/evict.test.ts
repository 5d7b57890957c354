/** Guards against eviction: Durable Objects that die in the middle of a turn, and alarms that were lost. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type OpenAI from "openai";
import { slowly, startUpstream, type Upstream } from "../server/suite/upstream.ts";
import { startEvictable } from "./inside/harness.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./server.ts";

const TENANT = "~anonymous";
const LANES = 6;
let upstream: Upstream;
let client: OpenAI;
let evictable: Awaited<ReturnType<typeof startEvictable>>;
before(async () => {
  upstream = await startUpstream(slowly(20));
  evictable = await startEvictable({ UPSTREAM_URL: upstream.url }, ["Tenant", "Runner"]);
  client = evictable.client;
});
after(async () => {
  await evictable.server.close();
  await upstream.close();
});

test("a Runner and a Tenant that die several times lose nothing and repeat only what was under way", async (t) => {
  const { id } = await createBatch(client, chatLines(2000));
  for (const [calls, kind] of [
    [200, "Runner"],
    [600, "Tenant"],
    [1000, "Runner"],
  ] as const) {
    await until(`${calls} lines were called`, () => upstream.calls.size >= calls);
    await evictable.die(kind, kind === "Runner" ? `${TENANT}/${id}` : TENANT);
  }
  const batch = await ended(client, id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 2000, completed: 2000, failed: 0 });
  const lines = await linesOf(client, batch.output_file_id);
  assert.equal(new Set(lines.map((line) => line.custom_id)).size, 2000);
  assert.equal(lines.length, 2000);
  const repeated = [...upstream.calls.values()].reduce((sum, calls) => sum + calls - 1, 0);
  t.diagnostic(`3 deaths: ${repeated} repeated calls with ${LANES} in flight`);
  assert.ok(repeated <= 3 * (LANES + 128), `${repeated} repeated calls`);
});

// A Runner in a turn cannot be evicted gently: the platform waits for its alarm. It dies as above, or not at all.
test("a Tenant that the platform evicts in the middle of a batch comes back, and its Runner does not notice", async () => {
  const before = new Set(upstream.calls.keys());
  const called = () => [...upstream.calls.keys()].filter((key) => !before.has(key));
  const { id } = await createBatch(client, chatLines(600));
  for (const calls of [100, 300]) {
    await until(`${calls} lines were called`, () => called().length >= calls);
    await evictable.server.getWorker().evictDurableObject("Tenant", { name: TENANT });
  }
  const batch = await ended(client, id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 600, completed: 600, failed: 0 });
  assert.equal((await linesOf(client, batch.output_file_id)).length, 600);
  assert.deepEqual(
    called().map((key) => upstream.calls.get(key)),
    Array(600).fill(1),
  );
});

test("the cron leaves a healthy tenant alone, and finds no fault in it", async () => {
  const { id } = await createBatch(client, chatLines(200));
  await evictable.server.getWorker().scheduled({ cron: "* * * * *" });
  assert.equal((await ended(client, id)).status, "completed");
});
