/** Guards the queue: how many batches of a tenant run, in which order, and that waiting ones can be cancelled. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { completion, reply, startUpstream, type Upstream } from "./upstream.ts";

let server: Started;
let upstream: Upstream;
/** Names of the batches whose requests are answered; the others' wait. */
const released = new Set<string>();
const seen: string[] = [];

before(async () => {
  upstream = await startUpstream(async ({ content }, response) => {
    const name = content.split(" ")[0] as string;
    if (!seen.includes(name)) seen.push(name);
    await until("the batch is let go", () => released.has(name) || response.destroyed);
    if (!response.destroyed) reply(response, 200, completion(content));
  });
  server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_BATCHES: "2" });
});
after(async () => {
  await server.stop();
  await upstream.close();
});

const named = (name: string) => chatLines(3).replaceAll("number", name);

test("two batches run at once; the others wait in order, and can be cancelled", async () => {
  const { client } = server;
  const ids: Record<string, string> = {};
  for (const name of ["a", "b", "c", "d", "e"]) ids[name] = (await createBatch(client, named(name))).id;
  const status = async (name: string) => (await client.batches.retrieve(ids[name] as string)).status;
  await until("two run", () => seen.includes("a") && seen.includes("b"));
  assert.deepEqual([await status("a"), await status("b")], ["in_progress", "in_progress"]);
  assert.deepEqual(
    [await status("c"), await status("d"), await status("e")],
    ["validating", "validating", "validating"],
  );

  // A waiting one is cancelled at once, without a place, and without a call.
  assert.equal((await client.batches.cancel(ids.d as string)).status, "cancelling");
  const cancelled = await ended(client, ids.d as string, 5_000);
  assert.equal(cancelled.status, "cancelled");
  assert.deepEqual(
    [cancelled.in_progress_at, cancelled.output_file_id, cancelled.error_file_id],
    [null, null, null],
  );
  assert.deepEqual(cancelled.request_counts, { total: 0, completed: 0, failed: 0 });
  assert.deepEqual(seen, ["a", "b"]);

  // A place that becomes free goes to the oldest; the other place is kept through a crash.
  released.add("b");
  assert.equal((await ended(client, ids.b as string)).status, "completed");
  await until("the oldest follows", () => seen.includes("c"));
  await server.kill();
  await server.restart();
  assert.equal(await status("e"), "validating");
  assert.deepEqual(seen, ["a", "b", "c"]);

  released.add("a").add("c");
  for (const name of ["a", "c"]) assert.equal((await ended(client, ids[name] as string)).status, "completed");
  released.add("e");
  assert.equal((await ended(client, ids.e as string)).status, "completed");
  assert.deepEqual(seen, ["a", "b", "c", "e"]);
});

test("a cancel is seen within a second even when every call hangs", async () => {
  const { client } = server;
  const { id } = await createBatch(client, named("hanging"));
  await until("calls hang", () => seen.includes("hanging"));
  const started = Date.now();
  await client.batches.cancel(id);
  const cancelled = await ended(client, id);
  assert.equal(cancelled.status, "cancelled");
  assert.ok(Date.now() - started < 2_000, `${Date.now() - started} ms`);
  assert.equal(cancelled.finalizing_at, null);
  assert.ok(cancelled.error_file_id);
  // Cancelling it again changes nothing.
  assert.deepEqual(await client.batches.cancel(id), await client.batches.retrieve(id));
});
