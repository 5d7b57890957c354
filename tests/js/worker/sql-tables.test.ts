/** Guards what deployed Workers hold: what earlier builds kept in SQL tables is there after the move, and moves once. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { DurableObjectKV, type SqlDurableObjectStorage } from "../../../js/hosts/kv/durable-object.ts";
import type { Blobs } from "../../../js/server/ports.ts";
import { change } from "../../../js/server/tenant/change.ts";
import { FileIndex } from "../../../js/server/tenant/file-index.ts";
import { Seats } from "../../../js/server/tenant/seats.ts";
import { Trash } from "../../../js/server/tenant/trash.ts";
import { Uploads } from "../../../js/server/tenant/uploads.ts";
import { adoptTables } from "../../../js/worker/sql-tables.ts";
import { memoryStorage } from "./storage.ts";

/** A Tenant's storage as version 0.1.0 left it. */
function storage(): SqlDurableObjectStorage {
  const made = memoryStorage();
  for (const statement of [
    `CREATE TABLE files (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL,
       filename TEXT NOT NULL, bytes INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER,
       segments TEXT NOT NULL, deleted_at INTEGER)`,
    `INSERT INTO files VALUES
       (3, 'file-a', 'batch', 'a.jsonl', 10, 100, 1000, '[{"key":"key a","bytes":10}]', NULL),
       (5, 'file-b', 'evals', 'b.jsonl', 20, 100, NULL, '[{"key":"key b","bytes":20}]', NULL),
       (6, 'file-held', 'batch', 'c.jsonl', 30, 90, NULL, '[{"key":"key held","bytes":30}]', 150)`,
    `CREATE TABLE places_of_files (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, seq INTEGER NOT NULL,
       gone_at INTEGER NOT NULL) WITHOUT ROWID`,
    "INSERT INTO places_of_files VALUES ('file-gone', 100, 4, 150)",
    "CREATE TABLE inputs (batch_id TEXT PRIMARY KEY, file_id TEXT NOT NULL) WITHOUT ROWID",
    "INSERT INTO inputs VALUES ('batch_1', 'file-held'), ('batch_2', 'file-held')",
    `CREATE TABLE uploads (id TEXT PRIMARY KEY, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,
       created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, status TEXT NOT NULL, file_seconds INTEGER,
       file_id TEXT, part_bytes INTEGER NOT NULL DEFAULT 0, part_count INTEGER NOT NULL DEFAULT 0, named_parts TEXT)
       WITHOUT ROWID`,
    `INSERT INTO uploads VALUES ('upload_1', 'u', 'evals', 5, 100, 3700, 'pending', NULL, NULL, 5, 2, NULL),
       ('upload_2', 'u', 'evals', 20, 100, 3700, 'completed', NULL, 'file-b', 20, 1, 'part_x,part_y')`,
    `CREATE TABLE upload_parts (id TEXT PRIMARY KEY, upload_id TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL,
       content BLOB) WITHOUT ROWID`,
    "INSERT INTO upload_parts VALUES ('part_1', 'upload_1', '', 3, X'616263'), ('part_2', 'upload_1', 'key p', 2, NULL)",
    "CREATE TABLE trash (key TEXT PRIMARY KEY, not_before INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
    "INSERT INTO trash VALUES ('waste', 0), ('writing', 500)",
    `CREATE TABLE multiparts (upload_id TEXT PRIMARY KEY, key TEXT NOT NULL, not_before INTEGER NOT NULL)
       WITHOUT ROWID`,
    "INSERT INTO multiparts VALUES ('m1', 'writing', 500), ('m2', 'key b', 500)",
    `CREATE TABLE places (id TEXT PRIMARY KEY, wake_at INTEGER, turn INTEGER NOT NULL DEFAULT 0,
       generation INTEGER NOT NULL DEFAULT 0, lost_calls INTEGER NOT NULL DEFAULT 0, lost_since INTEGER) WITHOUT ROWID`,
    "INSERT INTO places VALUES ('batch_1', NULL, 7, 1, 0, NULL), ('batch_2', 9000, 2, 0, 0, NULL)",
  ]) {
    made.sql.exec(statement);
  }
  return made;
}

function stores(storage: SqlDurableObjectStorage) {
  adoptTables(storage);
  const kv = new DurableObjectKV(storage);
  adoptTables(storage);
  const trash = new Trash(kv);
  const files = new FileIndex(kv, trash);
  return { kv, trash, files, uploads: new Uploads(kv, files, trash), seats: new Seats(kv) };
}

test("files, where gone ones stood, and what batches hold", async () => {
  const { kv, files } = stores(storage());
  const list = await files.list({ limit: 10, order: "asc" }, 200);
  assert.deepEqual(
    list.data.map(({ id }) => id),
    ["file-a", "file-b"],
  );
  assert.deepEqual((await files.get("file-a", 200)).segments, [{ key: "key a", bytes: 10 }]);
  const after = await files.list({ limit: 10, order: "asc", after: "file-gone" }, 200);
  assert.deepEqual(
    after.data.map(({ id }) => id),
    ["file-b"],
  );
  assert.deepEqual(await files.total(), { files: 3, bytes: 60, seq: 6 });
  assert.equal(await files.find("file-held", 200), null);
  assert.ok(await files.findInput("batch_1", "file-held", 200));
  for (const id of ["batch_1", "batch_2"]) await change(kv, (c) => files.release(c, id, 200));
  assert.equal((await files.total()).files, 2);
  await files.expire(1000);
  assert.equal((await files.total()).files, 1);
});

test("uploads and their parts", async () => {
  const { uploads } = stores(storage());
  assert.equal(await uploads.room("upload_1", 200), 5);
  assert.deepEqual(await uploads.plan("upload_1", ["part_2", "part_1"], 200), {
    ...{ purpose: "evals", filename: "u" },
    parts: [
      { id: "part_2", bytes: 2, key: "key p" },
      { id: "part_1", bytes: 3, kept: true },
    ],
  });
  assert.equal(new TextDecoder().decode((await uploads.content("upload_1", ["part_1"])) ?? undefined), "abc");
  const plan = await uploads.plan("upload_2", ["part_x", "part_y"], 200);
  assert.equal("completed" in plan && plan.completed.file?.id, "file-b");
  await uploads.expire(3700);
  await assert.rejects(uploads.room("upload_1", 3700), /is expired/);
});

test("what is to be deleted, and what is being written", async () => {
  const { trash } = stores(storage());
  const [deleted, aborted] = [[] as string[], [] as string[]];
  const blobs = {
    delete: async (keys: string[]) => void deleted.push(...keys),
    discard: async (key: string, id: string) => void aborted.push(`${key} ${id}`),
  } as Partial<Blobs> as Blobs;
  await trash.empty(blobs, 499);
  assert.deepEqual([deleted, aborted], [["waste"], []]);
  await trash.empty(blobs, 500);
  assert.deepEqual(
    [deleted.sort(), aborted.sort()],
    [
      ["waste", "writing"],
      ["key b m2", "writing m1"],
    ],
  );
});

test("places and their Runners", async () => {
  const { seats } = stores(storage());
  assert.deepEqual(await seats.all(), { running: ["batch_1"], resting: [["batch_2", 9000]] });
  assert.deepEqual(await seats.seat("batch_1"), { generation: 1, turn: 7 });
});

test("the tables of the first builds, which had fewer columns, move too, and go", async () => {
  const first = memoryStorage();
  for (const statement of [
    "CREATE TABLE places (id TEXT PRIMARY KEY, wake_at INTEGER, turn INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
    "INSERT INTO places VALUES ('batch_1', NULL, 7)",
    "CREATE TABLE trash (key TEXT PRIMARY KEY) WITHOUT ROWID",
    "INSERT INTO trash VALUES ('waste')",
  ]) {
    first.sql.exec(statement);
  }
  const { seats } = stores(first);
  assert.deepEqual(await seats.seat("batch_1"), { generation: 0, turn: 7 });
  const tables = [...first.sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'")];
  assert.deepEqual(
    tables.map(({ name }) => name),
    ["kv"],
  );
});
