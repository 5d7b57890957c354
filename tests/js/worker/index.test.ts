/** Guards the index of files and uploads: what is in it, what is not, and which bytes may go. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { groupSmall } from "../../../js/server/join.ts";
import { listing } from "../../../js/server/listing.ts";
import type { Blobs } from "../../../js/server/ports.ts";
import { change } from "../../../js/server/tenant/change.ts";
import { FileIndex } from "../../../js/server/tenant/file-index.ts";
import { Trash, WRITING_SECONDS } from "../../../js/server/tenant/trash.ts";
import type { FileQuery } from "../../../js/server/tenant/types.ts";
import { MAX_PARTS, Uploads } from "../../../js/server/tenant/uploads.ts";
import type { Bucket } from "../../../js/worker/env.ts";
import { r2Blobs } from "../../../js/worker/r2-blobs.ts";

function index() {
  const kv = new MemoryKV();
  const trash = new Trash(kv);
  const files = new FileIndex(kv, trash);
  const uploads = new Uploads(kv, files, trash);
  const add = (id: string, more: { filename?: string; expires_at?: number; purpose?: string } = {}) =>
    change(kv, (c) =>
      files.put(c, {
        ...{ id, purpose: "batch", filename: "a.jsonl", created_at: 1, expires_at: null, ...more },
        segments: [{ key: `key of ${id}`, bytes: 10 }],
      }),
    );
  const hold = (batch: string, file: string) => change(kv, (c) => files.hold(c, batch, file, 1));
  const release = (batch: string) => change(kv, (c) => files.release(c, batch, 1));
  return { kv, trash, files, uploads, add, hold, release };
}

/** A store that says what it was told to delete. */
function bucket(fail?: string) {
  const [deleted, aborted] = [[] as string[], [] as string[]];
  const methods: Pick<Blobs, "delete" | "discard"> = {
    delete: async (keys) => void deleted.push(...keys),
    discard: async (_, id) => {
      if (fail) throw new Error(fail);
      aborted.push(id);
    },
  };
  return { deleted, aborted, bucket: methods as Blobs };
}

test("a pager goes on after a file that is gone, in either order", async () => {
  const { files, add } = index();
  const ids = Array.from({ length: 7 }, (_, i) => `file-${i}`);
  for (const id of ids) await add(id);
  for (const order of ["asc", "desc"] as const) {
    const seen: string[] = [];
    let after: string | undefined;
    const all = order === "asc" ? ids : ids.toReversed();
    for (;;) {
      const page = await files.list({ limit: 2, order, ...(after !== undefined && { after }) }, 5);
      seen.push(...page.data.map(({ id }) => id));
      after = page.last_id ?? undefined;
      for (const { id } of page.data) await files.remove(id, 5);
      if (!page.has_more) break;
    }
    assert.deepEqual(seen, all);
    for (const id of ids) await add(id);
  }
  await assert.rejects(
    () => files.list({ limit: 1, order: "asc", after: "file-none" }, 5),
    /No such File object/,
  );
});

test("a file that a batch reads is gone for users, and its bytes stay until no batch needs them", async () => {
  const { files, trash, add, hold, release } = index();
  await add("file-1");
  await hold("batch_1", "file-1");
  await hold("batch_2", "file-1");
  await files.remove("file-1", 5);
  assert.equal(await files.find("file-1", 5), null);
  assert.deepEqual((await files.list({ limit: 5, order: "asc" }, 5)).data, []);
  await assert.rejects(() => files.remove("file-1", 5), /No such File object/);
  assert.equal((await files.findInput("batch_1", "file-1", 5))?.segments[0]?.key, "key of file-1");
  // One that was created since has none.
  assert.equal(await files.findInput("batch_3", "file-1", 5), null);
  const r2 = bucket();
  for (const batch of ["batch_1", "batch_2"]) {
    await files.expire(6);
    await trash.empty(r2.bucket, 6);
    assert.deepEqual(r2.deleted, []);
    await release(batch);
  }
  await files.expire(7);
  await trash.empty(r2.bucket, 7);
  assert.deepEqual(r2.deleted, ["key of file-1"]);
});

test("a file that expires under a batch stays for the batch", async () => {
  const { files, trash, add, hold } = index();
  await add("file-1", { expires_at: 10 });
  await add("file-2", { expires_at: 10 });
  await hold("batch_1", "file-1");
  await files.expire(10);
  const r2 = bucket();
  await trash.empty(r2.bucket, 10);
  assert.deepEqual(r2.deleted, ["key of file-2"]);
  assert.equal(await files.find("file-1", 10), null);
  assert.ok(await files.findInput("batch_1", "file-1", 10));
});

test("what was about to be written and never named is deleted a day later, and nothing else", async () => {
  const { trash, add } = index();
  await trash.expect(["key of file-1", "lost", "of another day"], 100);
  await trash.expectMultipart("key of file-1", "multipart 1", 100);
  await trash.expectMultipart("lost", "multipart 2", 100);
  await add("file-1");
  await trash.expect(["of another day"], 200);
  const r2 = bucket();
  await trash.empty(r2.bucket, 100 + WRITING_SECONDS - 1);
  assert.deepEqual([r2.deleted, r2.aborted], [[], []]);
  await trash.empty(r2.bucket, 100 + WRITING_SECONDS);
  assert.deepEqual([r2.deleted, r2.aborted], [["lost"], ["multipart 2"]]);
});

test("a write in parts that cannot be thrown away now is tried again, and its object stays", async () => {
  const { trash } = index();
  await trash.expectMultipart("a", "1", 0);
  const outage = bucket("an outage");
  await assert.rejects(trash.empty(outage.bucket, WRITING_SECONDS), /an outage/);
  const r2 = bucket();
  await trash.empty(r2.bucket, WRITING_SECONDS);
  assert.deepEqual([r2.deleted, r2.aborted], [[], ["1"]]);
  const after = bucket();
  await trash.empty(after.bucket, WRITING_SECONDS);
  assert.deepEqual(after.aborted, []);
});

test("a multipart upload that R2 does not know any more is thrown away already", async () => {
  const abort = (message: string) => () => Promise.reject(new Error(message));
  const blobs = (message: string) =>
    r2Blobs({ resumeMultipartUpload: () => ({ abort: abort(message) }) } as unknown as Bucket);
  await blobs("The specified multipart upload does not exist. (10024)").discard("a", "1");
  await assert.rejects(blobs("an outage").discard("a", "1"), /an outage/);
});

test("a list of long names comes page by page, and is whole", async () => {
  const { files, add } = index();
  const filename = "n".repeat(1000);
  const ids = Array.from({ length: 1000 }, (_, i) => `file-${i}`);
  for (const id of ids) await add(id, { filename });
  const query: FileQuery = { limit: 900, order: "asc" };
  const sizes: number[] = [];
  const page = async (query: FileQuery) => {
    const list = await files.list(query, 5);
    sizes.push(JSON.stringify(list).length);
    return list;
  };
  const list = await (await listing(query, page)).json();
  assert.deepEqual(Object.keys(list), ["object", "data", "has_more", "first_id", "last_id"]);
  assert.deepEqual(
    list.data.map(({ id }: { id: string }) => id),
    ids.slice(0, 900),
  );
  assert.deepEqual([list.has_more, list.first_id, list.last_id], [true, "file-0", "file-899"]);
  assert.ok(Math.max(...sizes) < 300_000, `pages of ${Math.max(...sizes)}`);
  assert.ok(sizes.length > 3);
  const all = await (await listing({ limit: 10_000, order: "asc" }, page)).json();
  assert.deepEqual([all.data.length, all.has_more, all.last_id], [1000, false, "file-999"]);
});

test("an upload takes no more bytes than clients may send again, and no more parts than a file may have", async () => {
  const { uploads } = index();
  const make = (id: string, bytes: number) =>
    uploads.create({ id, filename: "a", purpose: "evals", bytes, fileSeconds: null }, 1);
  await make("upload_1", 10);
  assert.equal(await uploads.room("upload_1", 1), 10);
  for (const id of ["a", "b", "c"]) await uploads.addPart("upload_1", { id, key: id, bytes: 9 }, 1);
  assert.equal(await uploads.room("upload_1", 1), 3);
  await assert.rejects(
    () => uploads.addPart("upload_1", { id: "d", key: "d", bytes: 4 }, 1),
    /more bytes than/,
  );
  await make("upload_2", 10);
  for (let i = 0; i < MAX_PARTS; i++)
    await uploads.addPart("upload_2", { id: `p${i}`, key: `p${i}`, bytes: 0 }, 1);
  await assert.rejects(() => uploads.room("upload_2", 1), /has 10000 parts/);
});

test("complete says the same when it is repeated, and only then", async () => {
  const { uploads } = index();
  await uploads.create({ id: "upload_1", filename: "a", purpose: "evals", bytes: 4, fileSeconds: null }, 1);
  for (const id of ["a", "b"])
    await uploads.addPart("upload_1", { id, bytes: 2, content: new Uint8Array(2) }, 1);
  const segments = [{ key: "joined", bytes: 4 }];
  const done = await uploads.complete("upload_1", ["a", "b"], "file-1", segments, 2);
  assert.equal(done.status, "completed");
  assert.deepEqual(await uploads.complete("upload_1", ["a", "b"], "file-2", segments, 3), done);
  await assert.rejects(
    () => uploads.plan("upload_1", ["b", "a"], 3),
    /is completed, and takes no more changes/,
  );
});

test("neighbours are joined until they are large, and large ones stay as they are", () => {
  const MiB = 1024 * 1024;
  const sizes = (parts: number[]) =>
    groupSmall(parts.map((bytes) => ({ bytes: bytes * MiB }))).map((group) =>
      group.map(({ bytes }) => bytes / MiB),
    );
  assert.deepEqual(sizes([64, 64, 3]), [[64], [64], [3]]);
  assert.deepEqual(sizes([1, 2, 3, 4, 64, 1, 1]), [[1, 2, 3], [4], [64], [1, 1]]);
  assert.deepEqual(sizes(Array.from({ length: 12 }, () => 1)), [
    [1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1],
    [1, 1],
  ]);
  assert.deepEqual(sizes([]), []);
});
