/** Guards the operator: quotas that a Worker is given hold. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { RateLimitError } from "openai";
import { startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, startWorker, until } from "./server.ts";

test("quotas of files, bytes and queued batches are kept, and what is refused can be made good", async () => {
  const upstream = await startUpstream((_, response) => until("it is over", () => response.destroyed));
  const limits = { MAX_FILES: "3", MAX_STORED_BYTES: "2000", MAX_QUEUED_BATCHES: "2" };
  const worker = await startWorker({ UPSTREAM_URL: upstream.url, ...limits });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const { client } = worker;
  const add = (bytes: number) =>
    client.files.create({ purpose: "evals", file: new File(["x".repeat(bytes)], "a.txt") });
  const refusal = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof RateLimitError);
    assert.match(error.message, message);
    assert.equal(error.code, "insufficient_quota");
    assert.equal(error.headers.get("x-should-retry"), "false");
    return true;
  };
  const first = await createBatch(client, chatLines(1));
  const again = { ...first, completion_window: "24h", endpoint: "/v1/chat/completions" } as const;
  const { input_file_id, completion_window, endpoint } = again;
  const second = await client.batches.create({ input_file_id, completion_window, endpoint });
  await assert.rejects(
    client.batches.create({ input_file_id, completion_window, endpoint }).then(),
    (error: unknown) => {
      assert.ok(error instanceof RateLimitError);
      assert.match(error.message, /Enqueued batch limit reached\. Limit: 2 enqueued batches\./);
      return true;
    },
  );
  await client.batches.cancel(second.id);
  await ended(client, second.id);
  await client.batches.create({ input_file_id, completion_window, endpoint });

  await add(1500);
  await assert.rejects(add(500).then(), refusal(/^429 Storage limit reached\. Please delete files/));
  const upload = { filename: "a", purpose: "evals", bytes: 500, mime_type: "text/plain" } as const;
  await assert.rejects(client.uploads.create(upload).then(), refusal(/Storage limit reached/));
  for await (const file of client.files.list({ purpose: "evals" })) await client.files.delete(file.id);
  await Promise.all([add(1), add(1)]);
  await assert.rejects(add(1).then(), refusal(/^429 File limit reached\. Limit: 3 files\./));
});

test("a rate and a quota of queued requests hold, the rate over a restart, and OpenAI's client gets through", async () => {
  const upstream = await startUpstream((_, response) => until("it is over", () => response.destroyed));
  const limits = { MAX_QUEUED_REQUESTS: "10", MAX_REQUESTS_PER_MINUTE: "300" };
  const worker = await startWorker({ UPSTREAM_URL: upstream.url, ...limits });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const { client } = worker;
  const { id, input_file_id } = await createBatch(client, chatLines(11));
  await until("it runs", async () => (await client.batches.retrieve(id)).request_counts?.total === 11);
  const again = { input_file_id, completion_window: "24h", endpoint: "/v1/chat/completions" } as const;
  await assert.rejects(client.batches.create(again).then(), (error: unknown) => {
    assert.ok(error instanceof RateLimitError);
    assert.match(error.message, /Enqueued request limit reached\. Limit: 10 enqueued requests\./);
    return true;
  });
  await client.batches.cancel(id);
  await ended(client, id);
  // A moment after users see that it has ended, its place is free.
  await client.withOptions({ maxRetries: 5 }).batches.create(again);

  const isRefused = (error: unknown) => error instanceof RateLimitError;
  const hasty = async () => {
    // However slow this is, it is faster than the five a second that are let in.
    for (;;) await Promise.all(Array.from({ length: 50 }, () => client.files.list()));
  };
  await assert.rejects(hasty, isRefused);
  await worker.kill();
  await worker.restart();
  const { data, response } = await client.files.list().withResponse();
  assert.equal(response.headers.get("x-ratelimit-limit-requests"), "300");
  assert.ok(data);
  // A restart takes seconds, each of which lets five in; of the rest no more than a sixth is forgotten.
  assert.ok(Number(response.headers.get("x-ratelimit-remaining-requests")) < 250);
  await assert.rejects(hasty, isRefused);
  await client.withOptions({ maxRetries: 5 }).files.list();
});
