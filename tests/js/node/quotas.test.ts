/** Guards quotas and the rate of `edgebatch serve`, over real connections. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import type OpenAI from "openai";
import { RateLimitError } from "openai";
import { completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

/** A server in front of a model server, or of the embedded model, with these options. */
async function served(...options: string[]): Promise<{ base: string; client(maxRetries?: number): OpenAI }> {
  const { url, client } = await serving(["--data", stateFolder(), ...options]);
  return { base: `${url}/v1`, client: (maxRetries = 0) => client().withOptions({ maxRetries }) };
}

const refused = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RateLimitError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

test("queued requests are counted down as the batch runs, and the next one is let in", async () => {
  let released = false;
  const upstream = await startUpstream(async ({ content }, response) => {
    await until("it is let go", () => released || response.destroyed);
    if (!response.destroyed) reply(response, 200, completion(content));
  });
  after(() => upstream.close());
  const client = (await served("--url", upstream.url, "--quota-queued-requests", "5")).client();
  const first = await createBatch(client, chatLines(6));
  await until("it runs", async () => (await client.batches.retrieve(first.id)).request_counts?.total === 6);
  await assert.rejects(
    () => createBatch(client, chatLines(1)),
    refused("rate_limit_exceeded", /Enqueued request limit reached\. Limit: 5 enqueued requests\./),
  );
  released = true;
  await ended(client, first.id);
  // A moment after users see that it has ended, its place is free.
  const next = await createBatch(client.withOptions({ maxRetries: 5 }), chatLines(6));
  assert.equal((await linesOf(client, (await ended(client, next.id)).output_file_id)).length, 6);
});

test("a large file that is one too many, by its bytes or by the rate, gets its answer", async () => {
  const { base, client } = await served("--quota-stored-bytes", "1000000", "--requests-per-minute", "3");
  const large = () => new File([new Uint8Array(100_000_000)], "a.txt");
  const add = (file: File) => client(0).files.create({ purpose: "evals", file });
  await add(new File([new Uint8Array(1_000_000)], "a.txt"));
  await assert.rejects(
    () => add(large()),
    refused("insufficient_quota", /^429 Storage limit reached\. Please delete/),
  );
  await client(0).models.list();
  await assert.rejects(
    () => add(large()),
    refused("rate_limit_exceeded", /^429 Rate limit reached on requests/),
  );
  const answer = await fetch(`${base}/models`);
  const wait = Number(answer.headers.get("retry-after-ms"));
  assert.ok(answer.status === 429 && wait > 0 && wait <= 20_000, `${answer.status} ${wait}`);
});

test("many clients at once get through a rate by their retries alone, no faster than it", async () => {
  const { client } = await served("--requests-per-minute", "60");
  const started = Date.now();
  let tries = 0;
  const counting = client(20).withOptions({
    fetch: (input, init) => {
      tries += 1;
      return fetch(input, init);
    },
  });
  await Promise.all(Array.from({ length: 63 }, () => counting.files.list()));
  const passed = Date.now() - started;
  assert.ok(tries > 63, `${tries}`);
  // Sixty at once, and then one for each second.
  assert.ok(passed >= 3_000, `${passed} ms`);
});

test("calls that are passed on are counted with the others, and say this server's rate, not their model server's", async () => {
  const rate = { "x-ratelimit-limit-requests": "9999", "x-ratelimit-remaining-tokens": "77" };
  const upstream = await startUpstream(({ content }, response) =>
    reply(response, 200, completion(content), rate),
  );
  after(() => upstream.close());
  const client = (await served("--url", upstream.url, "--requests-per-minute", "3")).client();
  const ask = () =>
    client.chat.completions.create({ model: "any", messages: [{ role: "user", content: "hello" }] });
  const { data, response } = await ask().withResponse();
  assert.equal(data.choices[0]?.message.content, "hello");
  const headerOf = (name: string) => response.headers.get(`x-ratelimit-${name}`);
  assert.deepEqual(["limit-requests", "remaining-requests", "remaining-tokens"].map(headerOf), [
    "3",
    "2",
    "77",
  ]);
  await ask();
  await client.files.list();
  await assert.rejects(() => ask(), refused("rate_limit_exceeded", /^429 Rate limit reached on requests/));
  assert.equal(upstream.times.length, 2);
});
