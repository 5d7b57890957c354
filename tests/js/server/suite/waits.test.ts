/** Guards the operator's view of waits: the log says once that a batch waits and why, and that it goes on. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { Waits } from "../../../../js/server/tenant/waits.ts";
import { chatLines, createBatch, ended, startWorker } from "../../worker/server.ts";
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
  const worker = await startWorker({ UPSTREAM_URL: upstream.url });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const { id } = await createBatch(worker.client, chatLines(20));
  const batch = await ended(worker.client, id);
  assert.equal(batch.status, "completed");
  const waits = events(worker.log(), "batch.waiting");
  assert.equal(waits.length, 1, worker.log());
  const [{ until, ...wait }] = waits as [Record<string, unknown>];
  const event = "batch.waiting";
  assert.deepEqual(wait, { event, tenant: "~anonymous", batch: id, reason: "refused", status: 401 });
  assert.equal(typeof until, "number");
  assert.equal(events(worker.log(), "batch.resumed").length, 1);
  assert.doesNotMatch(worker.log(), /wrong key|number \d/);
});

test("a wait is logged for each reason and for each minute that its end moves, also after a restart", async (t) => {
  const lines: string[] = [];
  t.mock.method(console, "warn", (line: string) => lines.push(JSON.parse(line).event));
  const record = (reason: string | null, until = 0) => {
    const edgebatch = reason === null ? {} : { waiting: { reason, status: 503, message: "a prompt", until } };
    return new TextEncoder().encode(JSON.stringify({ id: "b", edgebatch }));
  };
  let waits = new Waits("alice");
  let stored: Uint8Array | null = null;
  const write = async (value: Uint8Array) => {
    lines.length = 0;
    await waits.notice("b", [{ type: "set", key: "batch:b", value }], async () => stored);
    stored = value;
    return lines.join();
  };
  assert.equal(await write(record(null)), "");
  assert.equal(await write(record("failing", 100)), "batch.waiting");
  assert.equal(await write(record("failing", 140)), "");
  // It creeps: what counts is the line that was logged.
  assert.equal(await write(record("failing", 170)), "batch.waiting");
  assert.equal(await write(record("refused", 170)), "batch.waiting");
  waits = new Waits("alice");
  assert.equal(await write(record("refused", 170)), "");
  assert.equal(await write(record(null)), "batch.resumed");
  assert.equal(await write(record(null)), "");
  assert.equal(await write(new TextEncoder().encode("no JSON")), "");
});
