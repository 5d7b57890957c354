/** Guards priorities: what is urgent takes the next place, through a crash too, and what is no priority is refused by name. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import type OpenAI from "openai";
import { BadRequestError } from "openai";
import type { Batch } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

const own = (priority: unknown) => ({ edgebatch: { priority } }) as Partial<OpenAI.BatchCreateParams>;

test("batches that wait run by priority, and those of one in the order in which they came", async () => {
  let held = true;
  const seen: string[] = [];
  const upstream = await startUpstream(async ({ content }, response) => {
    const name = content.split(" ")[0] as string;
    if (!seen.includes(name)) seen.push(name);
    await until("it is let go", () => !held || response.destroyed);
    if (!response.destroyed) reply(response, 200, completion(content));
  });
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_BATCHES: "1" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const make = (name: string, priority?: number) =>
    createBatch(client, chatLines(2).replaceAll("number", name), priority === undefined ? {} : own(priority));
  await make("first");
  await until("it runs", () => seen.includes("first"));
  const ids = [(await make("plain")).id];
  for (const [name, priority] of [
    ["low", -3],
    ["high", 2],
    ["urgent", 10],
    ["high-too", 2],
  ] as const) {
    const { id } = await make(name, priority);
    ids.push(id);
    const batch = (await client.batches.retrieve(id)) as unknown as Batch;
    assert.equal(batch.edgebatch?.priority, priority);
  }
  await server.kill();
  await server.restart();
  held = false;
  for (const id of ids) assert.equal((await ended(client, id)).status, "completed");
  assert.deepEqual(seen, ["first", "urgent", "high", "high-too", "plain", "low"]);
});

test("what is no priority is refused by name", async () => {
  const server = await startServer();
  after(() => server.stop());
  for (const [priority, code] of [
    ["high", "invalid_type"],
    [11, "integer_above_max_value"],
    [-11, "integer_below_min_value"],
  ] as const) {
    await assert.rejects(createBatch(server.client, chatLines(1), own(priority)), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.deepEqual([error.code, error.param], [code, "edgebatch.priority"]);
      return true;
    });
  }
});
