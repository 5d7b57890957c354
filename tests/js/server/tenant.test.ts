/** Guards a tenant's records where several services keep them at once: nothing is lost, counted twice, or written by the wrong turn. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import "../../../js/entry/node.ts";
import { ResourceNotFoundError } from "../../../js/core/errors.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { fileRecord, heldInput, sortable } from "../../../js/server/keys.ts";
import { FileIndex } from "../../../js/server/tenant/file-index.ts";
import { Seats } from "../../../js/server/tenant/seats.ts";
import { Trash } from "../../../js/server/tenant/trash.ts";
import { crowded, memoryBlobs, tenant } from "./memory.ts";

const now = () => Math.floor(Date.now() / 1000);
const file = (id: string, bytes = 10, purpose = "batch") => ({
  ...{ id, purpose, filename: "a.jsonl", created_at: now(), expires_at: null },
  segments: [{ key: `alice/files/${id}`, bytes }],
});
const params = { endpoint: "/v1/chat/completions", completion_window: "24h" };

/** Two services of one tenant, as two processes would have them. */
function two() {
  const [kv, blobs] = [new MemoryKV(), memoryBlobs()];
  const services = [tenant(crowded(kv), blobs), tenant(crowded(kv), blobs)] as const;
  return { kv, blobs, services, index: new FileIndex(kv, new Trash(kv)) };
}

test("files made and deleted by two services at once are all listed once, counted, and their bytes go", async () => {
  const { blobs, services, index } = two();
  const ids = Array.from({ length: 40 }, (_, i) => `file-${i}`);
  await Promise.all(
    ids.map(async (id, i) => {
      const { service } = services[i % 2] as (typeof services)[0];
      blobs.objects.set(`alice/files/${id}`, new Uint8Array(10));
      await service.startFile(`alice/files/${id}`);
      await service.createFile(file(id));
      if (i % 4 === 0) await (services[(i + 1) % 2] as (typeof services)[0]).service.deleteFile(id);
    }),
  );
  const left = ids.filter((_, i) => i % 4 !== 0);
  const { data } = await services[0].service.listFiles({ limit: 100, order: "asc" });
  assert.deepEqual(data.map(({ id }) => id).sort(), left.sort());
  const { files, bytes } = await index.total();
  assert.deepEqual({ files, bytes }, { files: 30, bytes: 300 });
  assert.deepEqual([...blobs.objects.keys()].sort(), left.map((id) => `alice/files/${id}`).sort());
});

test("parts of an upload that come to two services at once are all counted, and it is completed once", async () => {
  const { services } = two();
  const [{ service }, { service: other }] = services;
  const upload = { id: "upload_1", filename: "a", purpose: "evals", bytes: 20, fileSeconds: null };
  await service.createUpload(upload);
  const ids = Array.from({ length: 20 }, (_, i) => `part_${i}`);
  const add = (id: string, i: number) =>
    (i % 2 ? service : other).addUploadPart("upload_1", { id, bytes: 1, content: Uint8Array.of(i) });
  await Promise.all(ids.map(add));
  const segments = [{ key: "joined", bytes: 20 }];
  const [one, two_] = await Promise.all([
    service.completeUpload("upload_1", ids, "file-1", segments),
    other.completeUpload("upload_1", ids, "file-2", segments),
  ]);
  assert.deepEqual(one, two_);
  const { data } = await service.listFiles({ limit: 10, order: "asc" });
  assert.deepEqual(data, [one.file]);
  await assert.rejects(service.uploadRoom("upload_1"), /is completed/);
});

test("a batch created while its input is deleted elsewhere holds it, or never had it", async () => {
  for (let round = 0; round < 30; round++) {
    const { services, kv, blobs } = two();
    const [{ service, settled }, { service: other }] = services;
    blobs.objects.set("alice/files/file-1", new Uint8Array(10));
    await service.createFile(file("file-1"));
    const creating = service.createBatch({ ...params, input_file_id: "file-1" }, null);
    for (let turns = 0; turns < round; turns++) await setImmediate();
    await other.deleteFile("file-1");
    const { id } = await creating;
    await settled();
    await assert.rejects(other.getFile("file-1"), ResourceNotFoundError);
    const input = await other.runnerInput(id, "file-1");
    const held = (await kv.get(heldInput(id))) !== null;
    assert.deepEqual([blobs.objects.has("alice/files/file-1"), input !== null], [held, held]);
    await service.runnerEnded(id, 1);
    await settled();
    assert.deepEqual([...blobs.objects.keys()], []);
    assert.equal(await kv.get(fileRecord("file-1")), null);
    assert.equal((await new FileIndex(kv, new Trash(kv)).total()).files, 0);
  }
});

test("a turn that was replaced writes nothing: no record, no file, and its batch keeps its place", async () => {
  const { service, kv, told, settled } = tenant();
  await service.createFile(file("file-1"));
  const { id } = await service.createBatch({ ...params, input_file_id: "file-1" }, null);
  await settled();
  assert.deepEqual(told, [`start ${id}`]);
  await service.runnerWrite(id, 1, []);
  await service.runnerDamaged(id, 1, "no database");
  await settled();
  assert.deepEqual(told, [`start ${id}`, `start ${id}`]);
  const { turn } = await new Seats(kv).seat(id);
  assert.ok(turn > 1);
  const [replaced, key] = [/was replaced/, "alice/files/file-out"];
  const output = { ...file("file-out", 1, "batch_output") };
  await assert.rejects(service.runnerWrite(id, 1, [{ type: "delete", key: `run:${id}` }]), replaced);
  await assert.rejects(service.runnerStarts(id, 1, "file-out", key), replaced);
  await assert.rejects(service.runnerOutput(id, 1, output), replaced);
  await service.runnerEnded(id, 1);
  await service.runnerRests(id, 1, Date.now() + 1e6, false);
  await assert.rejects(service.getFile("file-out"), ResourceNotFoundError);
  assert.ok(await kv.get(`run:${id}`));
  assert.deepEqual((await new Seats(kv).all()).running, [id]);
  assert.equal((await service.runnerOutput(id, turn + 1, output)).id, "file-out");
});

test("a turn that begins a file anew after another has completed it takes none of its bytes along when it is gone", async () => {
  const [kv, blobs] = [new MemoryKV(), memoryBlobs()];
  const { service } = tenant(kv, blobs);
  // It has looked whether there is such a file, stood still while another made it, and dies before it is told.
  for (const id of ["file-out", "file-lost"]) {
    const keys = [`alice/files/${id}`, `alice/files/${id}~10`];
    for (const key of keys) blobs.objects.set(key, new Uint8Array(10));
    const segments = keys.map((key) => ({ key, bytes: 10 }));
    if (id === "file-out") await service.createFile({ ...file(id), segments });
    await new Trash(kv).expect(keys, now());
  }
  await new Trash(kv).empty(blobs, now() + 90_000);
  assert.deepEqual([...blobs.objects.keys()], ["alice/files/file-out", "alice/files/file-out~10"]);
});

test("a batch that is resumed while its turn ends over the pause rests no longer", async () => {
  const { service, told, settled } = tenant();
  await service.createFile(file("file-1"));
  const { id } = await service.createBatch({ ...params, input_file_id: "file-1" }, null);
  await settled();
  await service.pauseBatch(id);
  assert.ok(await service.runnerGet(id, `pause:${id}`));
  await service.resumeBatch(id);
  await settled();
  const before = told.length;
  await service.runnerRests(id, 1, Date.now() + 1e6, true);
  await settled();
  assert.deepEqual(told.slice(before), [`start ${id}`]);
  // Where there is no pause to be over, it rests as it was told.
  await service.runnerRests(id, 1, Date.now() + 1e6, false);
  await settled();
  assert.equal(told.length, before + 1);
});

for (const asked of ["pause", "cancel"] as const) {
  const what = asked === "pause" ? "whose pause is over" : "that is cancelled";
  test(`a batch ${what} goes on though whoever asked for that was cut off before its rest was over`, async () => {
    const kv = new MemoryKV();
    const { service, settled } = tenant(kv);
    await service.createFile(file("file-1"));
    const { id } = await service.createBatch({ ...params, input_file_id: "file-1" }, null);
    await settled();
    await service.pauseBatch(id);
    await service.runnerRests(id, 1, Date.now() + 1e9, true);
    await settled();
    const next = tenant(kv);
    await next.service.alarm();
    await next.settled();
    assert.deepEqual(next.told, []);
    // As a process that dies then leaves it.
    if (asked === "pause") await kv.delete(`pause:${id}`);
    else await kv.set(`cancel:${id}`, new TextEncoder().encode(String(now())));
    const last = tenant(kv);
    await last.service.alarm();
    await last.settled();
    assert.ok(last.told.includes(`start ${id}`), last.told.join());
  });
}

test("a lease that was taken of an ended batch is given back in a later round, and no other", async () => {
  const kv = new MemoryKV();
  const { service, settled } = tenant(kv);
  await service.createFile(file("file-1"));
  const { id } = await service.createBatch({ ...params, input_file_id: "file-1" }, null);
  for (const each of [id, "batch_gone"]) await kv.set(`lease:${each}`, Uint8Array.of(1));
  const next = tenant(kv);
  await next.service.alarm();
  await Promise.all([settled(), next.settled()]);
  assert.equal(await kv.get("lease:batch_gone"), null);
  assert.ok(await kv.get(`lease:${id}`));
});

test("what an import that was killed has left is swept in a later round", async () => {
  const kv = new MemoryKV();
  const mark = new Uint8Array(24);
  const left = ["importing:batch_1", "result:batch_1:00000000:00000"];
  for (const [age, stays] of [
    [300_000, true],
    [660_000, false],
  ] as const) {
    new DataView(mark.buffer).setBigUint64(0, BigInt(Date.now() - age));
    await kv.set(left[0] as string, mark);
    await kv.set(left[1] as string, mark);
    const { service, settled } = tenant(kv);
    await service.alarm();
    await settled();
    for (const key of left) assert.equal((await kv.get(key)) !== null, stays, `${key} after ${age} ms`);
  }
});

test("a write of a turn is refused where one of its checks fails, and carried out where all hold", async () => {
  const { service, kv } = tenant();
  const value = Uint8Array.of(1);
  const set = [{ type: "set", key: "batch:batch_1", value }] as const;
  assert.equal(await service.runnerWrite("batch_1", 1, [...set], [{ key: "lease:batch_1", value }]), false);
  assert.equal(await kv.get("batch:batch_1"), null);
  await kv.set("lease:batch_1", value);
  assert.equal(await service.runnerWrite("batch_1", 1, [...set], [{ key: "lease:batch_1", value }]), true);
  assert.deepEqual(await kv.get("batch:batch_1"), value);
});

test("a list by purpose pages through it alone, and a purpose that looks like a key finds nothing", async () => {
  const { service } = tenant();
  for (let i = 0; i < 6; i++) await service.createFile(file(`file-${i}`, 1, i % 2 ? "evals" : "batch"));
  const page = await service.listFiles({ limit: 2, order: "asc", purpose: "evals" });
  assert.deepEqual([page.data.map(({ id }) => id), page.has_more], [["file-1", "file-3"], true]);
  const rest = await service.listFiles({ limit: 2, order: "asc", purpose: "evals", after: "file-3" });
  assert.deepEqual([rest.data.map(({ id }) => id), rest.has_more], [["file-5"], false]);
  const [first] = (await service.listFiles({ limit: 1, order: "asc" })).data;
  for (const purpose of [`batch:${sortable(first?.created_at ?? 0)}`, "batch:", ""]) {
    assert.deepEqual((await service.listFiles({ limit: 9, order: "asc", purpose })).data, []);
  }
});

test("a store without checks is refused, as files would be lost in it", async () => {
  const kv = new MemoryKV();
  const { service } = tenant({ ...crowded(kv), caps: { ...kv.caps, checks: false } });
  await assert.rejects(service.createFile(file("file-1")), /must take checks/);
});
