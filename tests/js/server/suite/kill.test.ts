/** Guards the guarantee: whatever is killed, and whenever, a batch ends with one result for each line. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { chatLines, createBatch, ended, linesOf, type ResultLine, until } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { completion, reply, slowly, startUpstream, type Upstream } from "./upstream.ts";

const LANES = 50;
/** Results wait for others at most so long before they are written, and one write may be under way. */
const UNWRITTEN = 2 * 64;

function assertEveryLineOnce(lines: ResultLine[], count: number): void {
  const ids = lines.map((line) => line.custom_id);
  assert.equal(ids.length, count);
  assert.deepEqual(new Set(ids).size, count);
}

function repeats(upstream: Upstream): number {
  return [...upstream.calls.values()].reduce((sum, calls) => sum + calls - 1, 0);
}

test("a batch of 2,000 slow requests survives three kills, with every line once", async (t) => {
  const upstream = await startUpstream(slowly(300));
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: String(LANES) });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { id } = await createBatch(server.client, chatLines(2000));
  for (const calls of [300, 900, 1500]) {
    await until(`${calls} lines were called`, () => upstream.calls.size >= calls);
    await server.kill();
    await server.restart();
  }
  const batch = await ended(server.client, id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 2000, completed: 2000, failed: 0 });
  const lines = await linesOf(server.client, batch.output_file_id);
  assertEveryLineOnce(lines, 2000);
  assert.equal(batch.usage?.total_tokens, 10_000);
  assert.equal(upstream.calls.size, 2000);
  t.diagnostic(`3 kills: ${repeats(upstream)} repeated calls with ${LANES} in flight`);
  assert.ok(repeats(upstream) <= 3 * (LANES + UNWRITTEN), `${repeats(upstream)} repeated calls`);
});

async function drill(server: Started, killWhen: () => Promise<boolean>): Promise<void> {
  await until("it is time to kill", killWhen);
  await server.kill();
  await server.restart();
}

test("kills while validating, while cancelling and while finalizing are survived too", async () => {
  let held = true;
  const upstream = await startUpstream(async ({ content }, response) => {
    if (held) await until("answers are let go", () => !held || response.destroyed);
    if (!response.destroyed) reply(response, 200, completion(content));
  });
  const server = await startServer({ UPSTREAM_URL: upstream.url });
  const { client } = server;
  after(async () => Promise.all([server.stop(), upstream.close()]));

  // Validating: killed as soon as it was created.
  const first = await createBatch(client, chatLines(5000));
  await server.kill();
  await server.restart();
  await until(
    "it is in progress",
    async () => (await client.batches.retrieve(first.id)).status === "in_progress",
  );

  // Cancelling: killed right after the wish was acknowledged, with calls in flight that never end.
  await until("calls are in flight", () => upstream.inFlight > 0);
  assert.equal((await client.batches.cancel(first.id)).status, "cancelling");
  await server.kill();
  await server.restart();
  const cancelled = await ended(client, first.id);
  assert.equal(cancelled.status, "cancelled");
  const errors = await linesOf(client, cancelled.error_file_id);
  assertEveryLineOnce(errors, 5000);
  assert.ok(errors.every((line) => line.error?.code === "batch_cancelled"));

  // Finalizing: killed in the moment the last answers are in.
  held = false;
  const second = await createBatch(client, chatLines(3000));
  const done = () => upstream.calls.size - 6;
  await drill(server, async () => {
    const { status } = await client.batches.retrieve(second.id);
    return status === "finalizing" || status === "completed" || done() >= 3000;
  });
  const completed = await ended(client, second.id);
  assert.equal(completed.status, "completed");
  assertEveryLineOnce(await linesOf(client, completed.output_file_id), 3000);
  assert.equal(completed.error_file_id, null);
});
