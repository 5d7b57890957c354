/** Guards batches whose Runner or Tenant has lost its database: they go on, or calls fail in a text, and nothing hangs. */

import { strict as assert } from "node:assert";
import { readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, type Started, startWorker, until } from "./server.ts";

/** The databases of a class's objects that hold a table. */
async function databases(worker: Started, table: string): Promise<string[]> {
  const names = await readdir(worker.stateDir, { recursive: true });
  return names
    .filter((name) => name.endsWith(".sqlite"))
    .map((name) => join(worker.stateDir, name))
    .filter((path) => {
      const database = new DatabaseSync(path, { readOnly: true });
      try {
        return database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== undefined;
      } finally {
        database.close();
      }
    });
}

async function spoil(path: string, how: "garbage" | "emptied" | "cut"): Promise<void> {
  for (const part of ["-wal", "-shm"]) {
    if (how === "garbage") await writeFile(path + part, "no database ".repeat(4000));
    else await rm(path + part, { force: true });
  }
  if (how === "garbage") await writeFile(path, "no database ".repeat(4000));
  else await truncate(path, how === "emptied" ? 0 : 6000);
}

/** A batch of 100 lines, killed while 50 of them are done. */
async function half() {
  let most = 50;
  const upstream = await startUpstream(async ({ content }, response) => {
    const mine = upstream.calls.size;
    await until("it may be answered", () => mine <= most || response.destroyed, 300_000);
    if (!response.destroyed) reply(response, 200, completion(content));
  });
  const worker = await startWorker({ UPSTREAM_URL: upstream.url });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const { id } = await createBatch(worker.client, chatLines(100));
  await until("50 are done", async () => {
    return ((await worker.client.batches.retrieve(id)).request_counts?.completed ?? 0) >= 50;
  });
  const before = await worker.client.batches.retrieve(id);
  await worker.kill();
  const letGo = () => {
    most = Number.POSITIVE_INFINITY;
  };
  return { worker, id, before, letGo };
}

for (const how of ["garbage", "cut", "emptied"] as const) {
  test(`a batch whose Runner's database is ${how} runs again, and users see nothing go back`, async () => {
    const { worker, id, before, letGo } = await half();
    for (const path of await databases(worker, "job")) await spoil(path, how);
    letGo();
    await worker.restart();
    let least = before.request_counts?.completed ?? 0;
    await until(
      "it is completed",
      async () => {
        const { status, in_progress_at, request_counts } = await worker.client.batches.retrieve(id);
        assert.ok(["in_progress", "finalizing", "completed"].includes(status), status);
        assert.equal(in_progress_at, before.in_progress_at);
        assert.equal(request_counts?.total, 100);
        assert.ok((request_counts?.completed ?? 0) >= least, `${request_counts?.completed} after ${least}`);
        least = request_counts?.completed ?? 0;
        return status === "completed";
      },
      200_000,
    );
    const batch = await ended(worker.client, id);
    assert.deepEqual(batch.request_counts, { total: 100, completed: 100, failed: 0 });
    const lines = await linesOf(worker.client, batch.output_file_id);
    assert.equal(new Set(lines.map((line) => line.custom_id)).size, 100);
    // What of a cut one can be read is gone on from.
    if (how === "garbage") assert.match(worker.log(), /"event":"batch.runner_replaced".*"generation":1/);
  });
}

test("a batch that was being cancelled when its Runner's database went is cancelled, with every line once", async () => {
  const { worker, id } = await half();
  await worker.restart();
  assert.equal((await worker.client.batches.cancel(id)).status, "cancelling");
  await worker.kill();
  for (const path of await databases(worker, "job")) await spoil(path, "emptied");
  await worker.restart();
  const batch = await ended(worker.client, id);
  assert.equal(batch.status, "cancelled");
  const files = [batch.output_file_id, batch.error_file_id];
  const lines = (await Promise.all(files.map((file) => linesOf(worker.client, file)))).flat();
  assert.equal(lines.length, 100);
  assert.equal(new Set(lines.map((line) => line.custom_id)).size, 100);
});

test("a batch that was being finalized when its Runner's database went is completed, with every line once", async () => {
  const upstream = await startUpstream(({ content }, response) =>
    reply(response, 200, completion(`${content}${"x".repeat(20_000)}`)),
  );
  const worker = await startWorker({ UPSTREAM_URL: upstream.url });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const status = async (id: string) => (await worker.client.batches.retrieve(id)).status;
  // It takes a moment only: what was missed is tried with another batch.
  for (let tries = 0; ; tries++) {
    const { id } = await createBatch(worker.client, chatLines(1000));
    await until("it is finalizing", async () => ["finalizing", "completed"].includes(await status(id)));
    await worker.kill();
    for (const path of await databases(worker, "job")) await spoil(path, "emptied");
    await worker.restart();
    const seen = new Set<string>();
    await until("it is completed", async () => [...seen.add(await status(id))].includes("completed"));
    // Users do not see it go back.
    assert.deepEqual(
      [...seen].filter((each) => each !== "finalizing" && each !== "completed"),
      [],
    );
    const wasFinalizing = seen.has("finalizing");
    const batch = await ended(worker.client, id);
    assert.equal(batch.status, "completed");
    assert.deepEqual(batch.request_counts, { total: 1000, completed: 1000, failed: 0 });
    const lines = await linesOf(worker.client, batch.output_file_id);
    assert.equal(new Set(lines.map((line) => line.custom_id)).size, 1000);
    if (wasFinalizing) break;
    assert.ok(tries < 10, "no batch was seen finalizing");
  }
});

test("a tenant whose database is garbage is told so with 500 and a request id, and the log says why", async () => {
  const { worker, letGo } = await half();
  for (const path of await databases(worker, "own_name")) await spoil(path, "garbage");
  letGo();
  await worker.restart();
  const paths = ["/v1/batches", "/v1/files"];
  for (const path of paths) {
    const answer = await fetch(worker.url + path, {
      headers: { authorization: "Bearer any" },
      signal: AbortSignal.timeout(10_000),
    });
    assert.equal(answer.status, 500);
    const { error } = (await answer.json()) as { error: { message: string; type: string } };
    const request = answer.headers.get("x-request-id") as string;
    assert.equal(error.type, "server_error");
    assert.ok(error.message.includes(request));
    await until("the log names the request", () => worker.log().includes(`"request":"${request}"`));
  }
});
