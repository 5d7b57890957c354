/** Guards the operator's view of waits: the log says once that a batch waits and why, and that it goes on. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { chatLines, createBatch, ended } from "./batches.ts";
import { startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

const events = (log: string, event: string) =>
  log
    .split("\n")
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line.slice(line.indexOf("{"))));

test("a batch that a model server refuses is logged as waiting, without the server's words, and as resumed", async () => {
  const began = Date.now();
  const upstream = await startUpstream(({ content }, response) => {
    if (Date.now() - began > 8_000) return reply(response, 200, completion(content));
    reply(response, 401, { error: { message: `wrong key for ${content}`, code: "invalid_api_key" } });
  });
  const server = await startServer({ UPSTREAM_URL: upstream.url });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { id } = await createBatch(server.client, chatLines(20));
  const batch = await ended(server.client, id);
  assert.equal(batch.status, "completed");
  const waits = events(server.log(), "batch.waiting");
  assert.equal(waits.length, 1, server.log());
  // `serve` says when, and how much it matters.
  const [{ until, time: _, level: __, ...wait }] = waits as [Record<string, unknown>];
  const event = "batch.waiting";
  assert.deepEqual(wait, { event, tenant: "~anonymous", batch: id, reason: "refused", status: 401 });
  assert.equal(typeof until, "number");
  assert.equal(events(server.log(), "batch.resumed").length, 1);
  assert.doesNotMatch(server.log(), /wrong key|number \d/);
});
