/** Guards pausing: nothing starts while a batch is paused, whoever is killed meanwhile, and then it goes on where it stopped. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import type OpenAI from "openai";
import { ConflictError, NotFoundError } from "openai";
import type { Batch } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { slowly, startUpstream } from "./upstream.ts";

const asked = (client: OpenAI, id: string, what: "pause" | "resume") =>
  client.post<OpenAI.Batch>(`/batches/${id}/${what}`);
const pausedAt = (batch: OpenAI.Batch) => (batch as unknown as Batch).edgebatch?.paused_at;

test("a paused batch starts nothing, survives a kill, and goes on without asking again", async () => {
  const upstream = await startUpstream(slowly(20));
  const settings = { MAX_CONCURRENT_REQUESTS: "4", MAX_CONCURRENT_BATCHES: "1" };
  const server = await startServer({ UPSTREAM_URL: upstream.url, ...settings });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const { id } = await createBatch(client, chatLines(400));
  await until("some of it ran", () => upstream.times.length > 40);
  const paused = await asked(client, id, "pause");
  assert.equal(paused.status, "in_progress");
  assert.ok(Number(pausedAt(paused)) > 0);
  const at = Date.now();
  await until("nothing is in flight any more", async () => {
    const made = upstream.times.length;
    await new Promise((next) => setTimeout(next, 300));
    return upstream.inFlight === 0 && upstream.times.length === made;
  });
  const last = upstream.times.at(-1) as number;
  assert.ok(last - at < 2_000, `the last call came ${last - at} ms after`);
  // Another has its place meanwhile.
  const other = await createBatch(client, chatLines(10).replaceAll("number", "other"));
  await ended(client, other.id);
  const made = upstream.times.length;
  await server.kill();
  await server.restart();
  const seen = await client.batches.retrieve(id);
  assert.deepEqual([seen.status, pausedAt(seen)], ["in_progress", pausedAt(paused)]);
  await new Promise((next) => setTimeout(next, 1_200));
  assert.equal(upstream.times.length, made, "nothing starts after a restart");
  const resumed = await asked(client, id, "resume");
  assert.equal(pausedAt(resumed), undefined);
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 400, completed: 400, failed: 0 });
  assert.equal(Math.max(...upstream.calls.values()), 1, "every line was asked once");
});

test("a paused batch can be cancelled, and what cannot be paused is refused by name", async () => {
  const server = await startServer({ ECHO_LATENCY_MS: "50", MAX_CONCURRENT_REQUESTS: "2" });
  after(() => server.stop());
  const { client } = server;
  const { id } = await createBatch(client, chatLines(500));
  await until("it runs", async () => (await client.batches.retrieve(id)).request_counts?.completed !== 0);
  await asked(client, id, "pause");
  await client.batches.cancel(id);
  const batch = await ended(client, id);
  assert.equal(batch.status, "cancelled");
  for (const what of ["pause", "resume"] as const) {
    await assert.rejects(asked(client, id, what).then(), ConflictError);
    await assert.rejects(asked(client, "batch_none", what).then(), NotFoundError);
  }
});
