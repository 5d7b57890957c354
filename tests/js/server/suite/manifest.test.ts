/** Guards manifests: what they say of files is what the files are, and of calls what was made, whatever is killed. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { slowly, startUpstream } from "./upstream.ts";
import { wire } from "./wire.ts";

const LANES = 20;
const upstream = await startUpstream(slowly(100));
const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: String(LANES) });
after(async () => Promise.all([server.stop(), upstream.close()]));
const { call, refused } = wire(() => server.url);

const callsMade = () => [...upstream.calls.values()].reduce((sum, calls) => sum + calls, 0);

async function manifestOf(id: string) {
  const { status, body, text } = await call("GET", `/v1/batches/${id}/manifest`);
  assert.equal(status, 200, text);
  return body;
}

/** What is told of a file is what it is. */
async function assertTold(
  told: { file_id: string; bytes: number; lines: number; sha256: string },
  id: unknown,
): Promise<void> {
  const content = Buffer.from(await (await server.client.files.content(String(id))).arrayBuffer());
  const sha256 = createHash("sha256").update(content).digest("hex");
  const lines = content.toString().split("\n").length - 1;
  assert.deepEqual(told, { file_id: id, bytes: content.length, lines, sha256 });
}

test("a manifest tells of a batch's files and calls, once it has ended", async () => {
  const before = callsMade();
  const { id, input_file_id } = await createBatch(server.client, chatLines(40));
  const early = { message: /has no manifest yet/, code: "batch_not_ended" };
  await refused(409, early, "GET", `/v1/batches/${id}/manifest`);
  const batch = await ended(server.client, id);
  const manifest = await manifestOf(id);
  const keys = "object batch_id status request_counts input output error calls".split(" ");
  assert.deepEqual(Object.keys(manifest), keys);
  assert.deepEqual(
    [manifest.object, manifest.batch_id, manifest.status],
    ["batch.manifest", id, "completed"],
  );
  assert.deepEqual(manifest.request_counts, { total: 40, completed: 40, failed: 0 });
  await assertTold(manifest.input, input_file_id);
  await assertTold(manifest.output, batch.output_file_id);
  assert.equal(manifest.error, null);
  assert.deepEqual(manifest.calls, { made: callsMade() - before, lost: 0 });
  const { status } = await call("GET", "/v1/batches/batch_none/manifest");
  assert.equal(status, 404);
  // The batch itself is as it was without one, and both libraries reach it.
  assert.equal("edgebatch" in batch, false);
  const reached = await server.client.get<{ batch_id: string }>(`/batches/${id}/manifest`);
  assert.equal(reached.batch_id, id);
});

test("killed in the middle it tells of the same, and of the calls that were lost", async (t) => {
  const before = callsMade();
  const { id, input_file_id } = await createBatch(server.client, chatLines(300));
  for (const calls of [80, 180]) {
    await until(`${calls} calls were made`, () => callsMade() - before >= calls);
    await server.kill();
    await server.restart();
  }
  const batch = await ended(server.client, id);
  assert.deepEqual(batch.request_counts, { total: 300, completed: 300, failed: 0 });
  const manifest = await manifestOf(id);
  await assertTold(manifest.input, input_file_id);
  await assertTold(manifest.output, batch.output_file_id);
  const [really, { made, lost }] = [callsMade() - before, manifest.calls];
  t.diagnostic(`${made} of ${really} calls told, ${lost} of them lost`);
  assert.ok(made >= 300 && made <= really, `${made} of ${really}`);
  assert.ok(lost > 0 && lost <= 2 * LANES, `${lost} lost`);
});
