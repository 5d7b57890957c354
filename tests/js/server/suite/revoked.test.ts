/** Guards the operator: a key that is taken away spends nothing more, and nothing of its tenant's is lost. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import OpenAI from "openai";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { isServe } from "./runtimes.ts";
import { startServer } from "./server.ts";
import { slowly, startUpstream } from "./upstream.ts";

const entry = (name: string, key: string) => `${name}:${createHash("sha256").update(key).digest("hex")}`;

test("batches of a tenant without a key stand still, and go on when it has one, or are cancelled by it", async () => {
  const upstream = await startUpstream(slowly(20));
  const bob = entry("bob", "bobs-key");
  const API_KEYS = `${entry("alice", "alices-key")},${bob}`;
  const server = await startServer({ UPSTREAM_URL: upstream.url, API_KEYS, MAX_CONCURRENT_REQUESTS: "2" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const client = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  const alice = client("alices-key");
  const running = await createBatch(alice, chatLines(400));
  const queued = await createBatch(alice, chatLines(400));
  const dropped = await createBatch(alice, chatLines(400));
  await until("it runs", () => upstream.calls.size > 20);

  await server.kill();
  await server.restart({ API_KEYS: bob });
  const called = upstream.times.length;
  const watched = Date.now();
  // Another tenant's batch runs from its beginning to its end, in more time than it takes to wake a dead one: a Worker's
  // alarm may take a while, a process begins with what is there.
  const other = await createBatch(client("bobs-key"), chatLines(800));
  await ended(client("bobs-key"), other.id);
  await until("a dead batch would have been woken", () => isServe || Date.now() - watched > 20_000);
  assert.equal(upstream.times.length - called, 800);

  await server.kill();
  await server.restart({ API_KEYS: `${entry("alice", "a-new-key")},${bob}` });
  const again = client("a-new-key");
  assert.equal((await again.batches.cancel(dropped.id)).status, "cancelling");
  for (const { id } of [running, queued]) {
    const batch = await ended(again, id);
    assert.equal(batch.status, "completed");
    assert.equal((await linesOf(again, batch.output_file_id)).length, 400);
  }
  assert.equal((await ended(again, dropped.id)).status, "cancelled");
});
