/** Guards lanes: many calls of a batch in flight behind the platform's limits, and no answer is paid for in vain. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { type Answer, completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, startWorker, until } from "./server.ts";

const sleep = (ms: number) => new Promise((next) => setTimeout(next, ms));

/** Answers after a second up to three, by the line. */
const inSeconds: Answer = async ({ content }, response) => {
  await sleep(1_000 + (Number(/\d+$/.exec(content)?.[0]) % 20) * 100);
  if (!response.destroyed) reply(response, 200, completion(content));
};

async function start(answer: Answer, env: Record<string, string>) {
  const upstream = await startUpstream(answer);
  const worker = await startWorker({ UPSTREAM_URL: upstream.url, ...env });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  return { upstream, ...worker };
}

const sum = (calls: Map<string, number>) => [...calls.values()].reduce((all, each) => all + each, 0);

test("60 requests that may be in flight at once are, and take about the time of one", async (t) => {
  const { upstream, client } = await start(inSeconds, { MAX_CONCURRENT_REQUESTS: "60" });
  await ended(client, (await createBatch(client, chatLines(1))).id);
  upstream.times.length = 0;
  const batch = await ended(client, (await createBatch(client, chatLines(60))).id);
  assert.deepEqual(batch.request_counts, { total: 60, completed: 60, failed: 0 });
  const took = Date.now() - (upstream.times[0] as number);
  t.diagnostic(`${took} ms, ${upstream.mostInFlight} in flight`);
  assert.equal(upstream.mostInFlight, 60);
});

test("without lanes a batch has six in flight, and two batches have twelve", async () => {
  const hold: Answer = async ({ content }, response) => {
    await until("there are as many as there can be", () => upstream.mostInFlight >= 12);
    await sleep(500);
    reply(response, 200, completion(content));
  };
  const env = { MAX_CONCURRENT_REQUESTS: "6", MAX_CONCURRENT_BATCHES: "2" };
  const { upstream, client } = await start(hold, env);
  const batches = await Promise.all([1, 2].map(() => createBatch(client, chatLines(30))));
  for (const { id } of batches) assert.equal((await ended(client, id)).request_counts?.completed, 30);
  assert.equal(upstream.mostInFlight, 12);
});

test("a process that is killed loses no line, and repeats no more than was in flight", async (t) => {
  const { upstream, client, kill, restart } = await start(inSeconds, { MAX_CONCURRENT_REQUESTS: "60" });
  const { id } = await createBatch(client, chatLines(300));
  await until("100 were called", () => upstream.calls.size >= 100);
  await kill();
  await restart();
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 300, completed: 300, failed: 0 });
  const lines = await linesOf(client, batch.output_file_id);
  assert.equal(new Set(lines.map((line) => line.custom_id)).size, 300);
  const repeated = sum(upstream.calls) - 300;
  t.diagnostic(`${repeated} repeated`);
  // In flight, and answered in the quarter of a second before.
  assert.ok(repeated <= 60 + 20, `${repeated} repeated`);
});

test("a cancel ends the calls in lanes within a second", async (t) => {
  const never: Answer = () => {};
  const { upstream, client } = await start(never, { MAX_CONCURRENT_REQUESTS: "30" });
  const { id } = await createBatch(client, chatLines(100));
  await until("30 are in flight", () => upstream.inFlight === 30);
  await client.batches.cancel(id);
  const since = Date.now();
  await until("none is", () => upstream.inFlight === 0);
  const took = Date.now() - since;
  t.diagnostic(`${took} ms`);
  assert.ok(took < 2_000, `${took} ms`);
  assert.equal((await ended(client, id)).status, "cancelled");
});

test("a turn ends before it has made all subrequests that it may, and the batch goes on", async () => {
  const env = { MAX_CONCURRENT_REQUESTS: "24", TURN_SUBREQUESTS: "200", PLATFORM_LIMITS: "200" };
  const quick: Answer = ({ content }, response) => reply(response, 200, completion(content));
  const { upstream, client, log } = await start(quick, env);
  const batch = await ended(client, (await createBatch(client, chatLines(1_000))).id);
  assert.deepEqual(batch.request_counts, { total: 1_000, completed: 1_000, failed: 0 });
  assert.equal(sum(upstream.calls), 1_000);
  assert.doesNotMatch(log(), /subrequests/);
});

test("two batches of one tenant share its lanes, and fill them", async () => {
  const hold: Answer = async ({ content }, response) => {
    await until("there are as many as there can be", () => upstream.mostInFlight >= 48);
    reply(response, 200, completion(content));
  };
  const env = { MAX_CONCURRENT_REQUESTS: "24", MAX_CONCURRENT_BATCHES: "2" };
  const { upstream, client } = await start(hold, env);
  const batches = await Promise.all([1, 2].map(() => createBatch(client, chatLines(50))));
  for (const { id } of batches) assert.equal((await ended(client, id)).request_counts?.completed, 50);
  assert.equal(upstream.mostInFlight, 48);
});

test("requests and answers in flight are bounded by their bytes too", async () => {
  const long = "x".repeat(100_000);
  const slow: Answer = async ({ content }, response) => {
    await sleep(100);
    reply(response, 200, completion(content.slice(-20)));
  };
  const env = { MAX_CONCURRENT_REQUESTS: "60", MAX_BYTES_IN_FLIGHT: "1000000" };
  const { upstream, client } = await start(slow, env);
  const lines = chatLines(100).replaceAll("number", long);
  const batch = await ended(client, (await createBatch(client, lines)).id);
  assert.equal(batch.request_counts?.completed, 100);
  assert.ok(upstream.mostInFlight <= 10, `${upstream.mostInFlight} in flight`);
});
