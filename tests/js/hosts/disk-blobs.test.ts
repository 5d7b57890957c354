/** Guards objects in a folder: visible whole or not at all, where their keys say, and nothing left of crashed writers. */

import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DiskBlobs, fileName } from "../../../js/hosts/blobs/disk.ts";
import type { Blobs } from "../../../js/server/ports.ts";
import { blobsTests } from "./blobs-suite.ts";
import { finish, hosts, killAfter, start } from "./children.ts";
import { temporaryDirectory } from "./temp.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (found: Uint8Array | null | undefined) => found && new TextDecoder().decode(found);
const key = "alice/files/file-1";

async function written(blobs: Blobs, name: string, ...parts: string[]): Promise<string[]> {
  const began: string[] = [];
  const writer = blobs.write(name, async (id) => void began.push(id));
  for (const part of parts) await writer.write(bytes(part));
  assert.equal(await writer.complete(), bytes(parts.join("")).length);
  return began;
}

/** Every file of a folder, as paths from it. */
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();

for (const t of blobsTests(async () => new DiskBlobs(join(temporaryDirectory(), "made", "when needed"))))
  test(t.name, t.run);

test("the folder of objects is this user's alone, and what was deleted or given up leaves nothing in it", async () => {
  const folder = join(temporaryDirectory(), "made", "when needed");
  const blobs: Blobs = new DiskBlobs(folder);
  await written(blobs, key, "hello");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  await blobs.delete([key, "alice/files/never", "bob/files/never"]);
  const given = blobs.write(key, async () => {});
  await given.write(bytes("given up"));
  await given.abort();
  assert.deepEqual(filesIn(folder), []);
});

test("what a writer has written is thrown away by the name that it said before its first bytes", async () => {
  const folder = temporaryDirectory();
  const blobs: Blobs = new DiskBlobs(folder);
  await written(blobs, key, "kept");
  let id = "";
  const writer = blobs.write(key, async (uploadId) => {
    assert.deepEqual(filesIn(folder), [join("alice", "files", "file-1")]);
    id = uploadId;
  });
  await writer.write(bytes("lost"));
  await blobs.discard(key, id);
  await blobs.discard(key, id);
  await blobs.discard(key, "../alice/files/file-1");
  await assert.rejects(writer.complete(), /The bytes of alice\/files\/file-1 were removed/);
  assert.equal(text(await blobs.read(key, 0, 10)), "kept");
  assert.deepEqual(filesIn(folder), [join("alice", "files", "file-1")]);
});

test("a writer whose beginning is refused writes nothing", async () => {
  const folder = temporaryDirectory();
  const writer = new DiskBlobs(folder).write(key, () => Promise.reject(new Error("refused")));
  await assert.rejects(writer.write(bytes("a")), /refused/);
  await writer.abort();
  assert.deepEqual(filesIn(folder), []);
});

test("an object that was cut short says its size, so that its reader can tell", async () => {
  const folder = temporaryDirectory();
  const blobs: Blobs = new DiskBlobs(folder);
  await written(blobs, key, "0123456789");
  truncateSync(join(folder, "alice", "files", "file-1"), 4);
  assert.equal(text(await blobs.read(key, 2, 8)), "23");
  const opened = await blobs.open(key, 2, 8);
  assert.equal(opened?.size, 4);
  await opened?.body.cancel();
});

test("a killed writer leaves nothing that is seen, and the next process sweeps its remains but no living writer's", async () => {
  const folder = temporaryDirectory();
  const source = `
    import { DiskBlobs } from ${JSON.stringify(new URL("blobs/disk.ts", hosts).href)};
    const writer = new DiskBlobs(${JSON.stringify(folder)}).write("alice/files/file-1", async () => {});
    await writer.write(new Uint8Array(1000));
    console.log("written");
    setInterval(() => {}, 1000);`;
  await killAfter(start(temporaryDirectory(), source), 1);
  assert.equal(filesIn(folder).length, 1);
  const blobs: Blobs = new DiskBlobs(folder);
  assert.equal(await blobs.read(key, 0, 1), null);
  const living = blobs.write("alice/files/file-2", async () => {});
  await living.write(bytes("living"));
  const next = `
    import { DiskBlobs } from ${JSON.stringify(new URL("blobs/disk.ts", hosts).href)};
    const writer = new DiskBlobs(${JSON.stringify(folder)}).write("alice/files/file-3", async () => {});
    await writer.write(Uint8Array.of(1));
    await writer.complete();`;
  await finish(start(temporaryDirectory(), next));
  assert.equal(await living.complete(), 6);
  assert.deepEqual(
    filesIn(folder),
    ["file-2", "file-3"].map((name) => join("alice", "files", name)),
  );
});

test("no key leads out of the folder, into its temporary files, or to another key's object", async () => {
  const outside = temporaryDirectory();
  const folder = join(outside, "in");
  mkdirSync(folder);
  const blobs: Blobs = new DiskBlobs(folder);
  const keys = [
    "../out/a",
    ".writing/a",
    "./a",
    "Alice/a",
    "alice/a",
    "alice/A",
    "~x/a",
    "+41lice/a",
    "é/a",
    "e\u0301/a",
  ];
  for (const name of keys) await written(blobs, name, name);
  for (const name of keys) assert.equal(text(await blobs.read(name, 0, 100)), name);
  assert.deepEqual(readdirSync(outside), ["in"]);
  const paths = filesIn(folder);
  assert.equal(new Set(paths.map((path) => path.toLowerCase())).size, keys.length);
  assert.ok(!existsSync(join(folder, ".writing", "a")));
  await assert.rejects(async () => blobs.read("alice//a", 0, 1), /empty/);
  assert.equal(fileName("file-0aZ"), "file-0a+5a");
});
