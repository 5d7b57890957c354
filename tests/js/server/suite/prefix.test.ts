/** Guards the order `prefix`: what begins alike is sent together, through a crash too, and what is no order is refused by name. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import type OpenAI from "openai";
import { BadRequestError, toFile } from "openai";
import type { Batch } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

const own = (order: unknown) => ({ edgebatch: { order } }) as Partial<OpenAI.BatchCreateParams>;
const orderOf = (batch: OpenAI.Batch) => (batch as unknown as Batch).edgebatch?.order;

/** Questions about twelve documents in turn. */
const documents = 12;
const lines = chatLines(600).replace(/number (\d+)/g, (_, i) => {
  const document = `Document ${Number(i) % documents}. `.repeat(60);
  return `${document} Question ${i}.`;
});

/** A model server that notes which document each request is about. */
async function noting(ms: number) {
  const asked: number[] = [];
  const upstream = await startUpstream(async ({ content }, response) => {
    asked.push(Number(content.split(" ")[1]?.replace(".", "")));
    await new Promise((next) => setTimeout(next, ms));
    if (!response.destroyed) reply(response, 200, completion(content.slice(-20)));
  });
  return { asked, upstream };
}

const changes = (asked: number[]) => asked.filter((document, i) => i > 0 && document !== asked[i - 1]).length;

test("questions about a document are sent together, though the server is killed, and answered in the order of the file", async () => {
  const { asked, upstream } = await noting(10);
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "2" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const { id } = await createBatch(client, lines, own("prefix"));
  await until("some of it ran", () => asked.length > 100);
  await server.kill();
  await server.restart();
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 600, completed: 600, failed: 0 });
  assert.equal(orderOf(batch), "prefix");
  const output = await linesOf(client, batch.output_file_id);
  assert.deepEqual(
    output.map(({ custom_id }) => custom_id),
    Array.from({ length: 600 }, (_, i) => `request-${i}`),
  );
  // Two in flight may swap places; in the order of the file each would be of another document.
  assert.ok(changes(asked) < 300, `${changes(asked)} of ${asked.length}`);
});

test("a packed file has its order too, and ORDER is that of batches which say nothing", async () => {
  const { asked, upstream } = await noting(0);
  const server = await startServer({
    UPSTREAM_URL: upstream.url,
    MAX_CONCURRENT_REQUESTS: "1",
    ORDER: "prefix",
  });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const packed = await toFile(gzipSync(lines), "questions.jsonl.gz");
  const file = await client.files.create({ file: packed, purpose: "batch" });
  const created = await client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  const batch = await ended(client, created.id);
  assert.equal(orderOf(batch), "prefix");
  assert.equal(asked.length, 600);
  assert.ok(changes(asked) < 4 * documents, `${changes(asked)}`);
  asked.length = 0;
  const plain = await ended(client, (await createBatch(client, lines, own("file"))).id);
  assert.equal(orderOf(plain), "file");
  assert.equal(changes(asked), 599);
});

test("what is no order is refused by name", async () => {
  const server = await startServer();
  after(() => server.stop());
  for (const [order, code] of [
    ["random", "invalid_value"],
    [1, "invalid_type"],
  ] as const) {
    await assert.rejects(createBatch(server.client, chatLines(1), own(order)), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.deepEqual([error.code, error.param], [code, "edgebatch.order"]);
      return true;
    });
  }
});
