/** Guards quotas and the rate of `edgebatch serve`, over real connections. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import OpenAI, { RateLimitError } from "openai";
import { defaults, fixedLimits } from "../../../js/core/rules.ts";
import { openKeys, type ServeSettings, serve } from "../../../js/node/serve.ts";
import { folder } from "../cli/command.ts";
import { ModelServer } from "../cli/server.ts";
import { completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../worker/server.ts";
import { stateFolder } from "./serving.ts";

const { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes } = defaults.limits;
const timeoutMs = defaults.requestTimeoutMs;

/** A server in this process, in front of a model server. */
async function served(
  url: string,
  quotas: Partial<ServeSettings["quotas"]>,
  requestsPerMinute = Infinity,
): Promise<{ base: string; client(maxRetries?: number): OpenAI }> {
  const none = { files: Infinity, storedBytes: Infinity, queuedBatches: Infinity, queuedRequests: Infinity };
  const [data, host] = [stateFolder(), "127.0.0.1"];
  const serving = await serve({
    ...{ servers: [{ name: "default", url, concurrency: 2, timeoutMs }], models: undefined },
    ...{ data, host, port: 0, keys: await openKeys({ data, host }), page: folder() },
    ...{ interactiveFirst: true, windows: [fixedLimits.completionWindow] },
    ...{ concurrency: 2, batches: 1, maxAttempts: 5, timeoutMs, latencyMs: 0 },
    limits: { maxFileBytes, maxRequests, maxLineBytes, maxResponseBytes },
    quotas: { ...none, ...quotas },
    rate: { requestsPerMinute },
    ...{ metrics: undefined, logLevel: "info" },
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
  const next = await createBatch(client, chatLines(6));
  assert.equal((await linesOf(client, (await ended(client, next.id)).output_file_id)).length, 6);
});

test("a large file that is one too many, by its bytes or by the rate, gets its answer", async () => {
  const model = new ModelServer();
  const url = await model.listen();
  const { base, client } = await served(url, { storedBytes: 1_000_000 }, 3);
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
  const model = new ModelServer();
  const url = await model.listen();
  const { client } = await served(url, {}, 60);
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
