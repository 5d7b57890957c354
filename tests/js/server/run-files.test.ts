/** Guards the files of a batch that are written by several turns: what one has kept, the next goes on behind. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { filesContract } from "../../../js/contract/index.ts";
import { ResourceNotFoundError } from "../../../js/core/errors.ts";
import { Batches, MemoryKV } from "../../../js/entry/node.ts";
import { echoInference, echoModels } from "../../../js/hosts/inference/echo.ts";
import { RunFiles } from "../../../js/server/tenant/run-files.ts";
import { WRITING_SECONDS } from "../../../js/server/tenant/trash.ts";
import { memoryBlobs, tenant } from "./memory.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);
const output = { id: "file-out", filename: "out.jsonl", purpose: "batch_output" };

/** A tenant whose batch has a turn, and the files of that turn. */
async function begun(keepBytes = 1) {
  const made = tenant(new MemoryKV(), memoryBlobs());
  const { service, blobs, kv } = made;
  const files = (turn = 1) =>
    new RunFiles({ blobs, tenant: () => service, tenantName: "alice", batchId: "batch_1", turn, keepBytes });
  return { ...made, blobs: blobs as ReturnType<typeof memoryBlobs>, kv, files };
}

const subjects = filesContract(async () => {
  const { files, service } = await begun();
  return { files: files(), reopen: async () => files(2), remove: async (_, id) => service.deleteFile(id) };
});
const kept = subjects.filter(({ name }) => name.includes("kept"));
for (const { name, run } of kept) test(name, run);

test("what a turn has kept stands before what the next one writes", async () => {
  const { files, blobs, service, settled } = await begun();
  const first = await files().create(output);
  await first.write(bytes("one "));
  await first.write(bytes("two "));
  const kept = await first.keep?.();
  assert.ok(kept);
  await first.write(bytes("lost"));
  assert.equal(await files().retrieve("file-out"), null);
  const next = await files(2).resume(output, kept);
  await next.write(bytes("three "));
  const again = await next.keep?.();
  assert.ok(again);
  const last = await files(3).resume(output, again);
  await last.write(bytes("four"));
  const { bytes: size } = await last.complete();
  assert.equal(size, 18);
  assert.equal(text(await files(3).read("file-out", 0, 100)), "one two three four");
  assert.equal(text(await files(3).read("file-out", 6, 4)), "o th");
  assert.deepEqual([...blobs.objects.keys()].sort(), [
    "alice/files/file-out",
    "alice/files/file-out~14",
    "alice/files/file-out~8",
  ]);
  await service.deleteFile("file-out");
  await settled();
  assert.deepEqual([...blobs.objects.keys()], []);
});

test("a file to which nothing comes after it was kept is what was kept", async () => {
  const { files } = await begun();
  const first = await files().create(output);
  await first.write(bytes("all"));
  const kept = (await first.keep?.()) ?? "";
  assert.equal((await first.keep?.()) ?? "", kept);
  await first.abort();
  const { bytes: size } = await (await files(2).resume(output, kept)).complete();
  assert.equal(size, 3);
  assert.equal(text(await files(2).read("file-out", 0, 10)), "all");
});

test("what was kept and is gone, or cut short, is refused", async () => {
  const { files, blobs } = await begun();
  const first = await files().create(output);
  await first.write(bytes("one"));
  const kept = (await first.keep?.()) ?? "";
  blobs.objects.set("alice/files/file-out", bytes("on"));
  await assert.rejects(files(2).resume(output, kept), ResourceNotFoundError);
  blobs.objects.clear();
  await assert.rejects(files(2).resume(output, kept), ResourceNotFoundError);
});

test("what was kept for a batch that never goes on is deleted after a day, and not a day after it went on", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const { files, blobs, service } = await begun();
  const first = await files().create(output);
  await first.write(bytes("one"));
  const kept = (await first.keep?.()) ?? "";
  t.mock.timers.tick(WRITING_SECONDS * 900);
  await files(2).resume(output, kept);
  t.mock.timers.tick(WRITING_SECONDS * 900);
  await service.alarm();
  assert.equal(blobs.objects.size, 1);
  t.mock.timers.tick(WRITING_SECONDS * 200);
  await service.alarm();
  await service.alarm();
  assert.equal(blobs.objects.size, 0);
});

test("a file that is written again in fewer objects leaves none of the others behind", async () => {
  const { files, blobs, service, settled } = await begun();
  const first = await files().create(output);
  await first.write(bytes("one "));
  await first.keep?.();
  await first.write(bytes("two"));
  await first.complete();
  const again = await files(2).create(output);
  await again.write(bytes("one two"));
  await again.complete();
  await service.alarm();
  await settled();
  assert.equal(text(await files(2).read("file-out", 0, 10)), "one two");
  assert.deepEqual([...blobs.objects.keys()], ["alice/files/file-out"]);
});

test("a batch whose turns are stopped while its output is written comes to its end, one line a request", async () => {
  const { files, blobs, service } = await begun();
  const line = (i: number) => {
    const body = { model: "echo-1", messages: [{ role: "user", content: `${i}` }] };
    return JSON.stringify({ custom_id: `r${i}`, method: "POST", url: "/v1/chat/completions", body });
  };
  const input = bytes(Array.from({ length: 1_500 }, (_, i) => `${line(i)}\n`).join(""));
  blobs.objects.set("alice/files/file-in", input);
  const created_at = Math.floor(Date.now() / 1000);
  const about = { id: "file-in", filename: "in.jsonl", purpose: "batch", created_at, expires_at: null };
  await service.createFile({ ...about, segments: [{ key: "alice/files/file-in", bytes: input.length }] });
  const settings = { autostart: false, inference: echoInference(), models: echoModels, kv: new MemoryKV() };
  let batches = new Batches({ ...settings, files: files() });
  const params = { input_file_id: "file-in", endpoint: "/v1/chat/completions", completion_window: "24h" };
  const { id } = await batches.create(params);
  // Each turn is stopped once it has kept something more.
  const set = blobs.objects.set.bind(blobs.objects);
  blobs.objects.set = (key, object) => {
    if (!blobs.objects.has(key)) batches.stop();
    return set(key, object);
  };
  let turns = 0;
  for (let state = ""; state !== "terminal"; turns++) {
    assert.ok(turns < 50);
    batches = new Batches({ ...settings, files: files(turns + 1) });
    state = (await batches.runTurn(id)).state;
  }
  assert.ok(turns >= 3, `${turns} turns`);
  assert.ok([...blobs.objects.keys()].filter((key) => key.includes("~")).length >= 2);
  const { output_file_id, request_counts } = await batches.retrieve(id);
  assert.equal(request_counts?.completed, 1_500);
  const found = text(await files().read(output_file_id ?? "", 0, 10_000_000));
  const ids = found
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).custom_id);
  assert.deepEqual(
    ids,
    Array.from({ length: 1_500 }, (_, i) => `r${i}`),
  );
});
