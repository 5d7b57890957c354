/** Guards batches that continue others: what failed runs again, and merged files hold every line, whoever is killed meanwhile. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import type OpenAI from "openai";
import { BadRequestError, ConflictError, NotFoundError } from "openai";
import type { Batch, BatchCreateParams } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

type Own = NonNullable<BatchCreateParams["edgebatch"]>;

/** A batch over the same file that continues another; `edgebatch` as SDKs send what they do not know. */
function continued(
  client: OpenAI,
  { id, input_file_id }: { id: string; input_file_id: string },
  own: Own = {},
) {
  const params = { input_file_id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  const edgebatch = { continue_from: id, ...own };
  return client.batches.create({ ...params, edgebatch } as OpenAI.BatchCreateParams);
}

const ownOf = (batch: OpenAI.Batch) => (batch as unknown as Batch).edgebatch;

test("what failed runs again, and a merged batch's files hold every line in order, though the server is killed", async () => {
  let broken = true;
  const asked = new Set<string>();
  const upstream = await startUpstream(async ({ content }, response) => {
    if (!broken) {
      asked.add(content);
      await new Promise((next) => setTimeout(next, 20));
    }
    const fails = broken && Number(content.slice(7)) % 3 === 0;
    if (fails) reply(response, 400, { error: { message: "too long", code: "context_length_exceeded" } });
    else if (!response.destroyed) reply(response, 200, completion(broken ? "old" : "new"));
  });
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "5" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const { id } = await createBatch(client, chatLines(600));
  const first = await ended(client, id);
  assert.deepEqual(first.request_counts, { total: 600, completed: 400, failed: 200 });
  broken = false;
  const { id: secondId } = await continued(client, first, { merge: true });
  await until("some of it ran", () => asked.size > 50);
  await server.kill();
  await server.restart();
  const second = await ended(client, secondId);
  assert.deepEqual(second.request_counts, { total: 600, completed: 600, failed: 0 });
  assert.equal(asked.size, 200);
  const lines = await linesOf(client, second.output_file_id);
  assert.deepEqual(
    lines.map(({ custom_id }) => custom_id),
    Array.from({ length: 600 }, (_, i) => `request-${i}`),
  );
  const contents = lines.map(({ response }) => JSON.stringify(response?.body));
  assert.ok(contents.every((body, i) => body.includes(i % 3 === 0 ? '"new"' : '"old"')));
  const own = ownOf(second);
  assert.deepEqual(
    [own?.continue_from, own?.only, own?.merge],
    [id, ["failed", "expired", "cancelled"], true],
  );
  assert.deepEqual([own?.reused?.completed, own?.reused?.usage.total_tokens], [400, 2000]);
  assert.equal((second as unknown as Batch).usage.total_tokens, 1000);
  assert.deepEqual(await client.batches.retrieve(id), first);
  // Without merging, nothing is left to run.
  const third = await ended(client, (await continued(client, second)).id);
  assert.deepEqual([third.status, third.request_counts?.total], ["completed", 0]);
  assert.equal(third.output_file_id ?? third.error_file_id ?? null, null);
});

test("what cannot be continued is refused by name", async () => {
  const server = await startServer({ ECHO_LATENCY_MS: "60000" });
  after(() => server.stop());
  const { client } = server;
  const running = await createBatch(client, chatLines(3));
  await assert.rejects(continued(client, running), (error) => {
    assert.ok(error instanceof ConflictError);
    assert.deepEqual([error.code, error.param], ["batch_not_ended", "edgebatch.continue_from"]);
    return true;
  });
  const none = { ...running, id: "batch_00000000000000000000000000000000" };
  await assert.rejects(continued(client, none), NotFoundError);
  const refused: [object, string, string][] = [
    [{ only: ["late"] }, "invalid_value", "edgebatch.only[0]"],
    [{ merge: 1 }, "invalid_type", "edgebatch.merge"],
    [{ again: true }, "unknown_parameter", "edgebatch.again"],
  ];
  for (const [own, code, param] of refused) {
    await assert.rejects(continued(client, running, own), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.deepEqual([error.code, error.param], [code, param]);
      return true;
    });
  }
});
