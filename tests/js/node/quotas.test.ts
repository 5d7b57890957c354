/** Guards quotas and the rate of `edgebatch serve`, over real connections. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import OpenAI, { RateLimitError } from "openai";
import { defaults, fixedLimits } from "../../../js/core/rules.ts";
import { type ServeSettings, serve } from "../../../js/node/serve.ts";
import { folder } from "../cli/command.ts";
import { completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../worker/server.ts";
import { stateFolder } from "./serving.ts";

const { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes } = defaults.limits;
const timeoutMs = defaults.requestTimeoutMs;

/** A server in this process, in front of a model server or the embedded model. */
async function served(
  url: string | undefined,
  quotas: Partial<ServeSettings["quotas"]>,
  requestsPerMinute = Infinity,
): Promise<{ base: string; client(maxRetries?: number): OpenAI }> {
  const none = { files: Infinity, storedBytes: Infinity, queuedBatches: Infinity, queuedRequests: Infinity };
  const serving = await serve({
    servers: url === undefined ? [] : [{ name: "default", url, concurrency: 2, timeoutMs }],
    models: undefined,
    ...{ data: stateFolder(), host: "127.0.0.1", port: 0, localNamesOnly: true, page: folder() },
    ...{ keys: { ALLOW_ANONYMOUS: "1" }, interactiveFirst: true, windows: [fixedLimits.completionWindow] },
    ...{ concurrency: 2, batches: 1, maxAttempts: 5, timeoutMs, latencyMs: 0 },
    limits: { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes },
    quotas: { ...none, ...quotas },
    rate: { requestsPerMinute },
  });
  after(() => serving.stop(1_000));
  const base = `http://127.0.0.1:${serving.port}/v1`;
  return { base, client: (maxRetries = 0) => new OpenAI({ baseURL: base, apiKey: "any", maxRetries }) };
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
  const client = (await served(upstream.url, { queuedRequests: 5 })).client();
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
  const { base, client } = await served(undefined, { storedBytes: 1_000_000 }, 3);
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
  const { client } = await served(undefined, {}, 60);
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
  const client = (await served(upstream.url, {}, 3)).client();
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
