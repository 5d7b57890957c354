/** Guards the shim that has the platform's limits: what would fail there fails here, and the batch gets over it. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { type Answer, completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, startWorker, until } from "./server.ts";

async function start(answer: Answer, env: Record<string, string>) {
  const upstream = await startUpstream(answer);
  const worker = await startWorker({ UPSTREAM_URL: upstream.url, ...env });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  return { ...worker, upstream };
}

const quick: Answer = ({ content }, response) => reply(response, 200, completion(content));

const resets = (log: string) => log.match(/exceeded its CPU time limit/g)?.length ?? 0;

test("a turn that takes more processor time than it may is reset, and the next one goes on", {
  skip: process.platform !== "linux" && "processor time is read from /proc",
}, async (t) => {
  const { client, upstream, log } = await start(quick, { PLATFORM_CPU_MS: "700" });
  const { id } = await createBatch(client, chatLines(6_000));
  await until("a turn is reset", () => resets(log()) > 0);
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 6_000, completed: 6_000, failed: 0 });
  const ids = (await linesOf(client, batch.output_file_id)).map((line) => line.custom_id);
  assert.equal(new Set(ids).size, 6_000);
  assert.equal(ids.length, 6_000);
  const repeated = [...upstream.calls.values()].reduce((sum, calls) => sum + calls - 1, 0);
  t.diagnostic(`${resets(log())} resets, ${repeated} repeated calls`);
});

test("requests in flight that an isolate has no room for fail, and those in its bounds do not", async () => {
  const lines = chatLines(20).replaceAll("number", "x".repeat(1_000_000));
  const lanes = { MAX_CONCURRENT_REQUESTS: "18", REQUEST_TIMEOUT_MS: "20000" };
  const bounded = await start(quick, lanes);
  const batch = await ended(bounded.client, (await createBatch(bounded.client, lines)).id);
  assert.equal(batch.request_counts?.completed, 20);
  assert.doesNotMatch(bounded.log(), /memory limit/);
  // The Worker's own bound lets them all in, and the platform has room for fewer.
  const little = { MAX_BYTES_IN_FLIGHT: "1000000000", PLATFORM_MEMORY_BYTES: "32000000" };
  const beyond = await start(() => {}, { ...lanes, ...little });
  const { id } = await createBatch(beyond.client, lines);
  await until("the platform refuses", () => /exceeded memory limit/.test(beyond.log()));
  await beyond.client.batches.cancel(id);
});
