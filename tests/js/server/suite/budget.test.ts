/** Guards budgets: nothing starts that would pass one, whoever is killed meanwhile, and what was left out runs when it is asked for. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import type OpenAI from "openai";
import { BadRequestError } from "openai";
import type { Batch, BatchCreateParams } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { completion, reply, slowly, startUpstream } from "./upstream.ts";

type Own = NonNullable<BatchCreateParams["edgebatch"]>;

/** What SDKs do not know they send as it is. */
const own = (edgebatch: Own) => ({ edgebatch }) as Partial<OpenAI.BatchCreateParams>;
const ownOf = (batch: OpenAI.Batch) => (batch as unknown as Batch).edgebatch;

test("a batch ends where its budget does, though the server is killed, and another runs what was left out", async () => {
  const upstream = await startUpstream(slowly(20));
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "4" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  // Each request takes five tokens.
  const { id } = await createBatch(client, chatLines(300), own({ budget: { total_tokens: 500 } }));
  await until("some of it ran", () => upstream.times.length > 30);
  await server.kill();
  await server.restart();
  const batch = await ended(client, id);
  const made = upstream.times.length;
  assert.ok(made <= 100 + 2 * 4, `${made} calls were made`);
  assert.equal(batch.status, "cancelled");
  const { completed = 0, failed, total } = batch.request_counts ?? {};
  assert.deepEqual([total, failed], [300, 0]);
  const { budget, ended_by } = ownOf(batch) ?? {};
  assert.equal(ended_by, "budget");
  assert.equal(budget?.total_tokens, 500);
  const used = budget?.used.total_tokens ?? 0;
  assert.ok(
    used >= 500 && used <= 500 + 4 * 5 && used >= completed * 5,
    `${used} tokens, ${completed} answers`,
  );
  const lines = await linesOf(client, batch.error_file_id);
  assert.equal(lines.length, 300 - completed);
  assert.ok(lines.every(({ error, response }) => response === null && error?.code === "budget_exceeded"));
  const rest = await client.batches.create({
    input_file_id: batch.input_file_id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    ...own({ continue_from: id, only: ["failed"], merge: true, budget: { requests: 300 } }),
  } as OpenAI.BatchCreateParams);
  const all = await ended(client, rest.id);
  assert.deepEqual([all.status, all.request_counts?.completed], ["completed", 300]);
  assert.equal(ownOf(all)?.budget?.used.requests, 300 - completed, "its budget is its own");
  assert.equal(ownOf(all)?.ended_by, undefined);
});

test("money is counted by the prices of the server, and exactly so many requests run as may", async () => {
  const upstream = await startUpstream(({ content }, response) => reply(response, 200, completion(content)));
  // Two tokens in, three out: 0.11 for each request.
  const PRICES = "other=1/1, echo-1=10000/30000";
  const server = await startServer({ UPSTREAM_URL: upstream.url, PRICES, MAX_CONCURRENT_REQUESTS: "1" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const paid = await createBatch(client, chatLines(30), own({ budget: { cost: 2.2 } }));
  const batch = await ended(client, paid.id);
  assert.deepEqual([batch.status, batch.request_counts?.completed], ["cancelled", 20]);
  assert.equal(ownOf(batch)?.budget?.used.cost, 2.2);
  const counted = await createBatch(client, chatLines(30), own({ budget: { requests: 7, cost: 100 } }));
  const { budget, ended_by } = ownOf(await ended(client, counted.id)) ?? {};
  assert.deepEqual([budget?.used.requests, ended_by], [7, "budget"]);
  const enough = await createBatch(client, chatLines(3), own({ budget: { requests: 3 } }));
  assert.equal((await ended(client, enough.id)).status, "completed");
  const { id } = await createBatch(client, chatLines(3, "free"), own({ budget: { cost: 1 } }));
  const { status, errors } = await ended(client, id);
  assert.deepEqual([status, errors?.data?.[0]?.code], ["failed", "model_without_price"]);
});

test("what is no budget is refused by name", async () => {
  const server = await startServer();
  after(() => server.stop());
  const { client } = server;
  const refused: [unknown, string, string][] = [
    ["much", "invalid_type", "edgebatch.budget"],
    [{ requests: 0 }, "integer_below_min_value", "edgebatch.budget.requests"],
    [{ total_tokens: "1" }, "invalid_type", "edgebatch.budget.total_tokens"],
    [{ money: 1 }, "unknown_parameter", "edgebatch.budget.money"],
    [{ cost: 1 }, "prices_not_set", "edgebatch.budget.cost"],
  ];
  for (const [budget, code, param] of refused) {
    await assert.rejects(createBatch(client, chatLines(1), own({ budget } as Own)), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.deepEqual([error.code, error.param], [code, param]);
      return true;
    });
  }
});
