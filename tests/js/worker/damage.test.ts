/** Guards against damaged state: a batch over it goes on, or ends with a text that says what is lost. */

import { strict as assert } from "node:assert";
import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { ResourceNotFoundError } from "../../../js/core/errors.ts";
import type { R2BucketLike } from "../../../js/hosts/files/r2.ts";
import { RunFiles } from "../../../js/server/tenant/run-files.ts";
import type { Bucket } from "../../../js/worker/env.ts";
import { r2Blobs } from "../../../js/worker/r2-blobs.ts";
import { completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, type Started, startWorker, until } from "./server.ts";

/** Files of the state whose path has a part, largest first. */
async function stateFiles(worker: Started, part: string): Promise<string[]> {
  const names = await readdir(worker.stateDir, { recursive: true });
  const found: [size: number, path: string][] = [];
  for (const name of names.filter((name) => name.includes(part))) {
    const path = join(worker.stateDir, name);
    const state = await stat(path);
    if (state.isFile()) found.push([state.size, path]);
  }
  return found.sort(([a], [b]) => b - a).map(([, path]) => path);
}

/** A batch of 300 long lines, killed while 50 of them are done. */
async function half() {
  let most = 50;
  const upstream = await startUpstream(async ({ content }, response) => {
    const mine = upstream.calls.size;
    await until("it may be answered", () => mine <= most || response.destroyed);
    if (!response.destroyed) reply(response, 200, completion(content.slice(-20)));
  });
  const worker = await startWorker({ UPSTREAM_URL: upstream.url });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const lines = chatLines(300).replaceAll('"number', `"${"x".repeat(10_000)} number`);
  const { id } = await createBatch(worker.client, lines);
  await until("50 are done", async () => {
    return ((await worker.client.batches.retrieve(id)).request_counts?.completed ?? 0) >= 50;
  });
  await worker.kill();
  const letGo = () => {
    most = Number.POSITIVE_INFINITY;
  };
  return { worker, id, upstream, letGo };
}

test("a batch whose input is gone ends, and says so", async () => {
  const { worker, id, letGo } = await half();
  const [blob] = await stateFiles(worker, "/r2/");
  await unlink(blob as string);
  letGo();
  await worker.restart();
  const batch = await ended(worker.client, id, 60_000);
  assert.equal(batch.status, "failed");
  const lost = `The input file cannot be read: The store has lost bytes of the file ${batch.input_file_id}.`;
  assert.equal(batch.errors?.data?.[0]?.message, lost);
  assert.match(worker.log(), /"event":"input.lost"/);
  assert.ok((await linesOf(worker.client, batch.output_file_id)).length >= 50);
});

/** A turn's files over objects of a bucket. */
function files(get: R2BucketLike["get"]) {
  const file = { object: "file", id: "file-1", bytes: 20, purpose: "batch" };
  const segments = [
    { key: "a", bytes: 10 },
    { key: "b", bytes: 10 },
  ];
  const tenant = () => ({ runnerInput: async () => ({ file, segments }) }) as never;
  const head = async () => ({ size: 4 });
  const blobs = r2Blobs({ get, head } as unknown as Bucket);
  return new RunFiles({ blobs, tenant, tenantName: "alice", batchId: "batch_1", turn: 1, readMs: 50 });
}

test("an object that is shorter than the index says is a loss, and not the end of the file", async () => {
  const bytes = async () => new Uint8Array(4).buffer;
  const short = files(async () => ({ size: 4, arrayBuffer: bytes }) as never);
  await assert.rejects(short.read("file-1", 0, 20, "batch_1"), (error: unknown) => {
    assert.ok(error instanceof ResourceNotFoundError);
    assert.equal(error.message, "The store has lost bytes of the file file-1.");
    return true;
  });
});

test("a store that never answers is a fault that says which file", async () => {
  const silent = files(() => new Promise(() => {}));
  await assert.rejects(silent.read("file-1", 0, 20, "batch_1"), /does not give the bytes of the file file-1/);
});
