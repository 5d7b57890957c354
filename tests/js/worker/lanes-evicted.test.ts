/** Guards against the death of lanes, and of Runners whose calls are in lanes; and deployments that have no lanes yet. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { type Answer, completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { type Kind, startEvictable } from "./inside/harness.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./server.ts";

const TENANT = "~anonymous";

async function start(answer: Answer, inFlight: number, objects: readonly Kind[]) {
  const upstream = await startUpstream(answer);
  const vars = { UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: String(inFlight) };
  const evictable = await startEvictable(vars, objects);
  after(async () => Promise.all([evictable.server.close(), upstream.close()]));
  return { upstream, ...evictable };
}

const all = ["Tenant", "Runner", "Lane"] as const;
const repeats = (calls: Map<string, number>) => [...calls.values()].filter((each) => each > 1).length;

/** Answers lines below a number, which is raised by `letGo`: nothing until then. */
function held() {
  let below = 0;
  const answer: Answer = async ({ content }, response) => {
    const line = Number(/\d+$/.exec(content)?.[0]);
    await until("it may be answered", () => line < below || response.destroyed, 300_000);
    if (!response.destroyed) reply(response, 200, completion(content));
  };
  const letGo = (lines = Number.POSITIVE_INFINITY) => {
    below = lines;
  };
  return { answer, letGo };
}

test("a Runner that dies finds its calls in the lanes, under way or answered, and repeats none of them", async () => {
  const { answer, letGo } = held();
  const { upstream, client, die } = await start(answer, 30, all);
  const { id } = await createBatch(client, chatLines(30));
  await until("30 are in flight", () => upstream.inFlight === 30);
  await die("Runner", `${TENANT}/${id}`);
  // These are answered while nobody waits, ten seconds and more before the Runner is back; the others wait for it.
  letGo(15);
  await until("a Runner asks for what is left", async () => {
    return ((await client.batches.retrieve(id)).request_counts?.completed ?? 0) >= 15;
  });
  letGo();
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 30, completed: 30, failed: 0 });
  assert.equal((await linesOf(client, batch.output_file_id)).length, 30);
  assert.equal(repeats(upstream.calls), 0);
});

test("a lane that dies costs the six calls it had a repeat, and the window stays as it was", async () => {
  const { answer, letGo } = held();
  const { upstream, client, die } = await start(answer, 30, all);
  const { id } = await createBatch(client, chatLines(90));
  await until("30 are in flight", () => upstream.inFlight === 30);
  await die("Lane", `${TENANT}/2`);
  await until("six were called again", () => repeats(upstream.calls) === 6);
  letGo(30);
  await until("the next 30 are in flight", () => upstream.calls.size === 60 && upstream.inFlight === 30);
  letGo();
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 90, completed: 90, failed: 0 });
  assert.equal(repeats(upstream.calls), 6);
});

test("a Runner that dies with its lanes repeats what was in flight, and loses nothing", async () => {
  const { answer, letGo } = held();
  const { upstream, client, die } = await start(answer, 30, all);
  const { id } = await createBatch(client, chatLines(60));
  await until("30 are in flight", () => upstream.inFlight === 30);
  await die("Runner", `${TENANT}/${id}`);
  for (let lane = 0; lane < 5; lane++) await die("Lane", `${TENANT}/${lane}`);
  letGo();
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 60, completed: 60, failed: 0 });
  assert.equal((await linesOf(client, batch.output_file_id)).length, 60);
  assert.equal(repeats(upstream.calls), 30);
});

test("where a deployment has no lanes yet, its Runners go on making the calls, six at once", async () => {
  const { answer, letGo } = held();
  const { upstream, client } = await start(answer, 30, ["Tenant", "Runner"]);
  const { id } = await createBatch(client, chatLines(60));
  await until("6 are in flight", () => upstream.inFlight === 6);
  letGo();
  assert.deepEqual((await ended(client, id)).request_counts, { total: 60, completed: 60, failed: 0 });
  assert.equal(upstream.mostInFlight, 6);
});
