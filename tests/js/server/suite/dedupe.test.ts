/** Guards that identical requests are asked once and answered for each line, whoever is killed meanwhile. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import type OpenAI from "openai";
import { BadRequestError } from "openai";
import type { Batch } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

const ownOf = (batch: OpenAI.Batch) => (batch as unknown as Batch).edgebatch;
/** As SDKs send what they do not know. */
const asking = (edgebatch: Record<string, unknown>) => ({ edgebatch }) as Partial<OpenAI.BatchCreateParams>;

test("what is the same is asked once, and each line has its answer, though the server is killed", async () => {
  const asked = new Map<string, number>();
  const upstream = await startUpstream(async ({ content }, response) => {
    await new Promise((next) => setTimeout(next, 20));
    if (response.destroyed) return;
    asked.set(content, (asked.get(content) ?? 0) + 1);
    const fails = Number(content.slice(7)) % 10 === 3;
    if (fails) reply(response, 400, { error: { message: "too long", code: "context_length_exceeded" } });
    else reply(response, 200, completion(`${content} ${asked.get(content)}`));
  });
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "5" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  // 900 lines of 300 requests, which stand far from one another.
  const lines = chatLines(900).replace(/number (\d+)/g, (_, i) => `number ${Number(i) % 300}`);
  const { id } = await createBatch(client, lines, asking({ dedupe: true }));
  await until("some of it ran", () => asked.size > 50);
  await server.kill();
  await server.restart();
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 900, completed: 810, failed: 90 });
  assert.equal(upstream.calls.size, 300);
  assert.equal(batch.status, "completed");
  const own = ownOf(batch);
  assert.deepEqual([own?.dedupe, own?.deduped?.requests], [true, 600]);
  assert.equal(own?.deduped?.usage.total_tokens, 5 * 540);
  assert.equal((batch as unknown as Batch).usage.total_tokens, 5 * 270);
  const [output, errors] = [
    await linesOf(client, batch.output_file_id),
    await linesOf(client, batch.error_file_id),
  ];
  const numbers = Array.from({ length: 900 }, (_, i) => i);
  const expected = (fails: boolean) => numbers.filter((i) => ((i % 300) % 10 === 3) === fails);
  for (const [found, fails] of [
    [output, false],
    [errors, true],
  ] as const)
    assert.deepEqual(
      found.map(({ custom_id }) => custom_id),
      expected(fails).map((i) => `request-${i}`),
    );
  // Whatever was asked twice around the kill, lines that are the same have one answer.
  const answers = new Map<number, string>();
  for (const { custom_id, response } of [...output, ...errors]) {
    const number = Number(custom_id.slice(8)) % 300;
    const answer = JSON.stringify(response);
    assert.equal(answers.get(number) ?? answer, answer, custom_id);
    answers.set(number, answer);
  }
  assert.equal(new Set([...output, ...errors].map((line) => (line as { id?: string }).id)).size, 900);
});

test("a value that is no boolean is refused by name, and a batch that did not ask for it says nothing of it", async () => {
  const server = await startServer({});
  after(() => server.stop());
  const { client } = server;
  const refused = await createBatch(client, chatLines(2), asking({ dedupe: "yes" })).then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(refused instanceof BadRequestError);
  assert.deepEqual([refused.param, refused.code], ["edgebatch.dedupe", "invalid_type"]);
  const batch = await createBatch(client, chatLines(2), asking({ dedupe: false }));
  assert.equal(ownOf(await ended(client, batch.id)), undefined);
});
