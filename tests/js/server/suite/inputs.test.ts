/** Guards a batch's input: once a batch is created over it, no deletion, kill or number of parts takes it away. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { NotFoundError } from "openai";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

const params = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;

/** Lines of about 8 KB: more than is read of a file at once. */
function longLines(count: number): string {
  return chatLines(count).replaceAll('"number', `"${"x".repeat(8_000)} number`);
}

async function assertGone({ client }: Started, id: string): Promise<void> {
  await assert.rejects(client.files.retrieve(id).then(), NotFoundError);
  await assert.rejects(client.files.content(id).then(), NotFoundError);
  await assert.rejects(client.files.delete(id).then(), NotFoundError);
}

test("the input of running and queued batches may be deleted, whatever its size, and kills change nothing", async () => {
  let held = true;
  const upstream = await startUpstream(async ({ content }, response) => {
    if (held) await until("answers are let go", () => !held || response.destroyed);
    if (!response.destroyed) reply(response, 200, completion(content.slice(-20)));
  });
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "20" });
  const { client } = server;
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const running = await createBatch(client, longLines(1000));
  const queued = await client.batches.create({ ...params, input_file_id: running.input_file_id });
  await until("it runs", () => upstream.inFlight > 0);
  await client.files.delete(running.input_file_id);
  await assertGone(server, running.input_file_id);
  const late = await client.batches.create({ ...params, input_file_id: running.input_file_id });
  await server.kill();
  await server.restart();
  await assertGone(server, running.input_file_id);
  held = false;
  for (const { id } of [running, queued]) {
    const batch = await ended(client, id);
    assert.equal(batch.status, "completed");
    assert.equal((await linesOf(client, batch.output_file_id)).length, 1000);
  }
  // Created over a file that was gone already.
  const failed = await ended(client, late.id);
  assert.match(failed.errors?.data?.[0]?.message ?? "", /^Cannot find file/);
});

test("a batch and the deletion of its input at the same moment: it completes, or its input was not there", async () => {
  const server = await startServer({ MAX_CONCURRENT_BATCHES: "10" });
  const { client } = server;
  after(() => server.stop());
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const file = await client.files.create({ purpose: "batch", file: new File([chatLines(3)], "a.jsonl") });
      const creating = client.batches.create({ ...params, input_file_id: file.id });
      await client.files.delete(file.id);
      const batch = await ended(client, (await creating).id);
      if (batch.status === "completed") assert.equal(batch.request_counts?.completed, 3);
      else assert.match(batch.errors?.data?.[0]?.message ?? "", /^Cannot find file/);
    }),
  );
});

test("thousands of tiny parts make a file in a moment, others are answered meanwhile, and a batch reads it", async (t) => {
  const server = await startServer();
  const { client } = server;
  after(() => server.stop());
  const content = chatLines(100);
  const size = 8;
  const count = Math.ceil(content.length / size);
  const mime_type = "application/jsonl";
  const upload = { filename: "a.jsonl", purpose: "batch", bytes: content.length, mime_type } as const;
  const { id } = await client.uploads.create(upload);
  const part_ids: string[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < count) {
        const i = next++;
        const data = new File([content.slice(i * size, (i + 1) * size)], "part");
        part_ids[i] = (await client.uploads.parts.create(id, { data })).id;
      }
    }),
  );
  let [going, longest] = [true, 0];
  const others = (async () => {
    while (going) {
      const start = performance.now();
      await client.batches.list();
      longest = Math.max(longest, performance.now() - start);
    }
  })();
  const start = performance.now();
  const { file } = await client.uploads.complete(id, { part_ids });
  const took = performance.now() - start;
  going = false;
  await others;
  t.diagnostic(`${count} parts: ${took.toFixed(0)} ms, others waited ${longest.toFixed(0)} ms at most`);
  assert.ok(took < 3_000, `${took} ms`);
  assert.ok(longest < 1_500, `others waited ${longest} ms`);
  assert.deepEqual((await client.uploads.complete(id, { part_ids })).file, file);
  assert.equal(await (await client.files.content(file?.id as string)).text(), content);
  const batch = await client.batches.create({ ...params, input_file_id: file?.id as string });
  assert.equal((await ended(client, batch.id)).request_counts?.completed, 100);
});

test("parts that are larger than their upload are refused as they come", async () => {
  const server = await startServer();
  const { client } = server;
  after(() => server.stop());
  const upload = { filename: "a.txt", purpose: "evals", bytes: 10, mime_type: "text/plain" } as const;
  const { id } = await client.uploads.create(upload);
  const data = new File([Buffer.alloc(20_000_000)], "part");
  await assert.rejects(client.uploads.parts.create(id, { data }).then(), /more bytes than the upload/);
});

test("large and small parts, in any order, are joined to what was sent", async () => {
  const server = await startServer();
  const { client } = server;
  after(() => server.stop());
  const MiB = 1024 * 1024;
  const sizes = [10, 6 * MiB, 100_000, 300_000, 10, 20, 2 * MiB, 5 * MiB, 70_000];
  const parts = sizes.map((size, i) => Buffer.alloc(size, 65 + i));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const upload = { filename: "a.txt", purpose: "evals", bytes, mime_type: "text/plain" } as const;
  const { id } = await client.uploads.create(upload);
  const part_ids: string[] = [];
  for (const part of parts) {
    part_ids.push((await client.uploads.parts.create(id, { data: new File([part], "part") })).id);
  }
  const { file } = await client.uploads.complete(id, { part_ids });
  const found = Buffer.from(await (await client.files.content(file?.id as string)).arrayBuffer());
  assert.ok(found.equals(Buffer.concat(parts)));
});
