/** Guards moves between services of the library, whatever their stores can do. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  Batches,
  type BatchesOptions,
  echoInference,
  echoModels,
  type KV,
  MemoryFiles,
  MemoryKV,
} from "../../js/entry/node.ts";
import { chatLines } from "./server/suite/batches.ts";

const LINES = 1_500;

/** A service, what it stands on, and how often each line was asked. */
function service(calls: Map<string, number>, kv: KV = new MemoryKV(), more: Partial<BatchesOptions> = {}) {
  const [files, echo] = [new MemoryFiles(), echoInference({ latencyMs: 5 })];
  const inference: BatchesOptions["inference"] = {
    infer(request, signal) {
      calls.set(request.idempotencyKey, (calls.get(request.idempotencyKey) ?? 0) + 1);
      return echo.infer(request, signal);
    },
  };
  const batches = new Batches({
    ...{ kv, files, inference, models: echoModels, maxConcurrentRequestsPerBatch: 4 },
    ...more,
  });
  return { kv, files, batches };
}

/** A store that takes no checks. */
function withoutChecks(): KV {
  const kv = new MemoryKV();
  return {
    caps: { ...kv.caps, checks: false },
    get: (key) => kv.get(key),
    set: (key, value) => kv.set(key, value),
    delete: (key) => kv.delete(key),
    list: (query) => kv.list(query),
  };
}

async function created({ files, batches }: ReturnType<typeof service>): Promise<string> {
  const writer = await files.create({ filename: "lines.jsonl", purpose: "batch" });
  await writer.write(new TextEncoder().encode(chatLines(LINES)));
  const { id: input_file_id } = await writer.complete();
  const params = { input_file_id, endpoint: "/v1/chat/completions", completion_window: "24h" };
  return (await batches.create(params)).id;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((next) => setTimeout(next, 5));
}

async function keysOf(kv: KV): Promise<string[]> {
  return (await kv.list({ prefix: "", limit: 1_000 })).entries.map(([key]) => key);
}

for (const [what, store, more] of [
  ["", () => new MemoryKV(), {}],
  [" that is the only one to run its store", () => new MemoryKV(), { soleOwner: true }],
  [" whose store takes no checks", withoutChecks, {}],
] as const) {
  test(`a batch goes from one service to another${what}`, async () => {
    const calls = new Map<string, number>();
    const [here, there] = [service(calls, store(), more), service(calls, store(), more)];
    const id = await created(here);
    await until(() => calls.size > 40);
    const stream = await here.batches.exportBatch(id);
    const made = calls.size;
    assert.ok(made < LINES);
    const { fence, batch } = await there.batches.importBatch(stream);
    assert.deepEqual([batch.id, batch.status], [id, "in_progress"]);
    assert.equal((await there.files.retrieve(batch.input_file_id))?.filename, "lines.jsonl");
    await here.batches.settleExport(id, fence);
    const [left, end] = await Promise.all([here.batches.wait(id), there.batches.wait(id)]);
    assert.deepEqual([left.status, left.output_file_id], ["cancelled", null]);
    assert.deepEqual(end.request_counts, { total: LINES, completed: LINES, failed: 0 });
    assert.deepEqual([calls.size, Math.max(...calls.values())], [LINES, 1]);
    await Promise.all([here.batches.stop(), there.batches.stop()]);
    const kept = (await keysOf(here.kv)).filter((key) => key.includes(id));
    assert.deepEqual(kept, [`batch:${id}`, `imported:${id}`]);
  });
}

test("a stream that breaks off, or whose files cannot be written, leaves nothing", async () => {
  const calls = new Map<string, number>();
  const [here, there] = [service(calls), service(calls)];
  const id = await created(here);
  await until(() => calls.size > 40);
  const pieces: Uint8Array[] = [];
  for await (const piece of await here.batches.exportBatch(id)) pieces.push(piece);
  async function* broken() {
    yield pieces[0] as Uint8Array;
    throw new Error("the connection broke");
  }
  await assert.rejects(there.batches.importBatch(broken()), /the connection broke/);
  const { create } = there.files;
  there.files.create = () => Promise.reject(new Error("no room"));
  async function* whole() {
    yield* pieces;
  }
  await assert.rejects(there.batches.importBatch(whole()), /no room/);
  assert.deepEqual(await keysOf(there.kv), []);
  there.files.create = create;
  const { batch } = await there.batches.importBatch(whole());
  assert.equal(batch.id, id);
  await assert.rejects(here.batches.abortExport(id, {} as { force: true }), { param: "force" });
  await assert.rejects(here.batches.settleExport(id, "another"), { code: "export_superseded" });
  async function* nothing(): AsyncGenerator<Uint8Array> {}
  await assert.rejects(there.batches.importBatch(nothing()), { code: "export_cut_off" });
  await Promise.all([here.batches.stop(), there.batches.stop()]);
});
