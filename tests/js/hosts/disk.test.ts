import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { patternBytes } from "../../../js/contract/assert.ts";
import { InvalidRequestError, ResourceNotFoundError } from "../../../js/core/errors.ts";
import { DiskFiles } from "../../../js/hosts/files/disk.ts";
import { finish, hosts, killAfter, start } from "./children.ts";
import { temporaryDirectory } from "./temp.ts";

const NAMED = { filename: "a.jsonl", purpose: "batch" };
const openDescriptors = (): number => readdirSync("/proc/self/fd").length;
const onLinux = { skip: existsSync("/proc/self/fd") ? false : "needs /proc" };

async function put(files: DiskFiles, id: string, bytes: Uint8Array): Promise<void> {
  const writer = await files.create({ ...NAMED, id });
  await writer.write(bytes);
  await writer.complete();
}

describe("DiskFiles", () => {
  test("has every completed file after kill -9, whole, and nothing of the others", async () => {
    for (let round = 0; round < 3; round++) {
      const directory = temporaryDirectory();
      const store = join(directory, "files");
      const child = start(
        directory,
        `import { writeSync } from "node:fs";
         import { DiskFiles } from ${JSON.stringify(`${hosts}files/disk.ts`)};
         const files = new DiskFiles(${JSON.stringify(store)});
         for (let i = 0; ; i++) {
           const parts = async function* () { for (let j = 0; j < 20; j++) yield new Uint8Array(10_000).fill(i); };
           const fresh = await files.add(parts(), { id: "file-" + i });
           await files.add(parts(), { id: "file-same" });
           writeSync(1, fresh.id + "\\n");
         }`,
      );
      const acknowledged = await killAfter(child, 15 + 12 * round);
      const files = new DiskFiles(store);
      for (const [i, id] of acknowledged.entries()) {
        assert.equal((await files.retrieve(id))?.bytes, 200_000);
        assert.deepEqual(await files.read(id, 0, 200_000), new Uint8Array(200_000).fill(i), id);
      }
      const same = await files.read("file-same", 0, 200_000);
      assert.deepEqual(
        same,
        new Uint8Array(200_000).fill(same[0] as number),
        "the replaced file is of one piece",
      );
      assert.ok((same[0] as number) >= acknowledged.length - 1, "and not older than what was acknowledged");

      await put(files, "file-new", patternBytes(10));
      const names = readdirSync(store);
      const described = names.filter((name) => /^[^~]+\.json$/.test(name));
      assert.equal(names.length, 2 * described.length, `only metadata and its bytes are left: ${names}`);
    }
  });

  test("has a file made after a crash at any step, or has not, but never a part", async () => {
    // A file is: bytes under a name of their own, metadata beside, the metadata's rename.
    const directory = temporaryDirectory();
    const gone = await pidOfTheDead(directory);
    const named = (await new DiskFiles(directory).add(chunks(patternBytes(500)), { id: "file-ok" })).id;
    const mine = readdirSync(directory).find((name) => name.endsWith(".data")) as string;
    const host = /~([0-9a-f]{8})-/.exec(mine)?.[1];
    const remains = [
      `file-x~${host}-${gone}-000000000001.data`,
      `file-x~${host}-${gone}-000000000002.json`,
      `file-ok~${host}-${gone}-000000000003.data`,
      `file-y~${host}-${process.pid}-000000000004.data`,
    ];
    const others = [
      `file-z~${host}-${process.ppid}-000000000005.data`,
      "file-z~00000000-1-000000000006.data",
      "notes.txt",
    ];
    for (const name of [...remains, ...others]) writeFileSync(join(directory, name), "remains");

    const files = new DiskFiles(directory);
    assert.equal(await files.retrieve("file-x"), null);
    await put(files, "file-new", patternBytes(10));
    const left = readdirSync(directory);
    for (const name of remains) assert.ok(!left.includes(name), `${name} should have been removed`);
    for (const name of others) assert.ok(left.includes(name), `${name} is another's`);
    assert.deepEqual(await files.read(named, 0, 999), patternBytes(500));
  });

  test("removes what a crashed writer of the same id left, while it runs", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    await put(files, "file-first", patternBytes(10));
    const child = start(
      directory,
      `import { DiskFiles } from ${JSON.stringify(`${hosts}files/disk.ts`)};
       const writer = await new DiskFiles(${JSON.stringify(directory)}).create(
         { filename: "x", purpose: "batch", id: "file-lost" });
       await writer.write(new Uint8Array(1000));
       console.log("written");
       setInterval(() => {}, 1000);`,
    );
    await killAfter(child, 1);
    const remains = () => readdirSync(directory).filter((name) => name.startsWith("file-lost~"));
    assert.equal(remains().length, 1);
    await put(files, "file-other", patternBytes(10));
    assert.equal(remains().length, 1, "another id leaves it alone");
    const writer = await files.create({ ...NAMED, id: "file-lost" });
    assert.equal(remains().length, 1, "the new writer's own");
    await writer.abort();
    assert.equal(remains().length, 0);
  });

  test("does not hold what is gone, though a mark was left", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    await put(files, "file-gone", patternBytes(10));
    await files.delete("file-gone");
    // As if its process had died between the mark and the second look at the file.
    writeFileSync(join(directory, "file-gone~batch_a.hold"), "");
    assert.equal(await files.hold("file-gone", "batch_a"), false);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("says of a file that was cut, or whose bytes are gone, where it was and what is left", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    await put(files, "file-a", patternBytes(1000));
    const path = (await files.path("file-a")) as string;
    truncateSync(path, 700);
    await assert.rejects(files.read("file-a", 600, 400), (error) => {
      assert.ok(error instanceof ResourceNotFoundError);
      assert.equal(error.code, "file_damaged");
      assert.equal(error.message, `File file-a is damaged: ${path} holds 700 of its 1000 bytes.`);
      return true;
    });
    rmSync(path);
    await assert.rejects(files.read("file-a", 0, 1), {
      ...{ name: "ResourceNotFoundError", code: "file_damaged" },
      message: `File file-a is damaged: ${path} is gone.`,
    });
  });

  test("makes its folders for this user alone, and leaves those that are there as they are", async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, "open"), { mode: 0o755 });
    await put(new DiskFiles(join(directory, "open", "made", "files")), "file-a", patternBytes(1));
    const mode = (...path: string[]) => statSync(join(directory, ...path)).mode & 0o777;
    assert.deepEqual([mode("open", "made"), mode("open", "made", "files")], [0o700, 0o700]);
    assert.equal(mode("open"), 0o755);
  });

  test("refuses ids that are no plain names, and writes nothing for them", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(join(directory, "files"));
    const ids = [
      "",
      ".",
      "..",
      "../x",
      "a/b",
      "a\\b",
      "/etc/passwd",
      "a\u0000b",
      "a.json",
      "a~b",
      "-rf",
      "é",
      "x".repeat(201),
    ];
    for (const id of ids) {
      await assert.rejects(files.create({ ...NAMED, id }), InvalidRequestError, JSON.stringify(id));
      await assert.rejects(files.link(import.meta.filename, { id }), InvalidRequestError);
      assert.equal(await files.retrieve(id), null);
      assert.equal(await files.delete(id), false);
      await assert.rejects(files.read(id, 0, 1), ResourceNotFoundError);
    }
    assert.deepEqual(readdirSync(directory), []);
  });

  test("keeps nothing but the metadata and the bytes, whatever writers did", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    await put(files, "file-a", patternBytes(10));
    await put(files, "file-a", patternBytes(20));
    await (await files.create({ ...NAMED, id: "file-a" })).abort();
    await (await files.create(NAMED)).abort();
    await assert.rejects(files.add(failing()), /the source broke/);
    assert.equal(readdirSync(directory).length, 2, `${readdirSync(directory)}`);
    assert.equal(await files.delete("file-a"), true);
    assert.equal(await files.delete("file-a"), false);
    assert.equal(await files.retrieve("file-a"), null);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("completes nothing after a write that failed", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    const writer = await files.create({ ...NAMED, id: "file-a" });
    await writer.write(patternBytes(10));
    await assert.rejects(writer.write({ length: 5 } as Uint8Array));
    await assert.rejects(writer.complete(), /earlier write failed/);
    await writer.abort();
    assert.deepEqual(readdirSync(directory), []);
  });

  test("says so when the metadata cannot be written, and leaves nothing", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    const writer = await files.create({ ...NAMED, id: "file-a" });
    await writer.write(patternBytes(10));
    mkdirSync(join(directory, "file-b.json"));
    mkdirSync(join(directory, "file-b.json", "in the way"));
    await assert.rejects(put(files, "file-b", patternBytes(5)));
    rmSync(join(directory, "file-b.json"), { recursive: true });
    assert.equal(await files.retrieve("file-b"), null);
    await writer.complete();
    assert.deepEqual(await files.read("file-a", 0, 10), patternBytes(10));
  });

  test("reads on while the file is replaced again and again", async () => {
    const files = new DiskFiles(temporaryDirectory());
    await put(files, "file-a", new Uint8Array(5000).fill(0));
    let done = false;
    const replacing = (async () => {
      for (let i = 1; i <= 30; i++) await put(files, "file-a", new Uint8Array(5000).fill(i));
      done = true;
    })();
    let last = 0;
    while (!done) {
      const bytes = await files.read("file-a", 0, 5000);
      const first = bytes[0] as number;
      assert.deepEqual(bytes, new Uint8Array(5000).fill(first));
      assert.ok(first >= last, `${first} after ${last}`);
      last = first;
    }
    await replacing;
  });

  test("leaves no descriptor open", onLinux, async () => {
    const files = new DiskFiles(temporaryDirectory());
    await put(files, "file-a", patternBytes(100_000));
    const before = openDescriptors();
    await Promise.all(Array.from({ length: 200 }, (_, i) => files.read("file-a", i * 500, 500)));
    await files.read("file-none", 0, 1).catch(() => undefined);
    await (await files.create(NAMED)).abort();
    await files.add(failing()).catch(() => undefined);
    assert.equal(openDescriptors(), before);
  });

  test("copies a file or a stream, named as told or as found", async () => {
    const directory = temporaryDirectory();
    const source = join(directory, "source ü.jsonl");
    writeFileSync(source, patternBytes(3_000_000));
    const files = new DiskFiles(join(directory, "deep", "files"));
    const copied = await files.add(source);
    assert.deepEqual([copied.filename, copied.purpose, copied.bytes], ["source ü.jsonl", "batch", 3_000_000]);
    assert.match(copied.id, /^file-[0-9A-Za-z]{22}$/);
    rmSync(source);
    assert.deepEqual(await files.read(copied.id, 2_999_990, 99), patternBytes(3_000_000).slice(-10));
    const options = { filename: "s.txt", purpose: "user_data", id: "file-s" };
    const streamed = await files.add(new Blob([patternBytes(100)]).stream(), options);
    assert.deepEqual([streamed.id, streamed.filename, streamed.purpose], ["file-s", "s.txt", "user_data"]);
    await assert.rejects(files.add(join(directory, "none.jsonl")), { code: "ENOENT" });
  });
});

describe("A linked file", () => {
  const linked = async (bytes: Uint8Array) => {
    const directory = temporaryDirectory();
    const path = join(directory, "input.jsonl");
    writeFileSync(path, bytes);
    const store = join(directory, "files");
    const files = new DiskFiles(store);
    return { path, store, files, file: await files.link(path, { purpose: "batch" }) };
  };
  const changed = (error: unknown): boolean =>
    error instanceof ResourceNotFoundError &&
    error.code === "file_changed" &&
    /has changed since/.test(error.message);

  test("is read where it is, and is known after a restart", async () => {
    const { store, file, path } = await linked(patternBytes(10_000));
    assert.deepEqual([file.bytes, file.filename, file.purpose], [10_000, "input.jsonl", "batch"]);
    assert.equal(readdirSync(store).length, 1, "nothing is copied");
    const again = new DiskFiles(store);
    assert.deepEqual(await again.retrieve(file.id), file);
    assert.deepEqual(await again.read(file.id, 9000, 5000), patternBytes(10_000).slice(9000));
    assert.deepEqual(await again.read(file.id, 10_000, 5), new Uint8Array(0));
    assert.equal(await again.delete(file.id), true);
    assert.ok(existsSync(path), "removing it leaves the file itself");
  });

  test("rejects reads once its size has changed", async () => {
    const { files, file, path } = await linked(patternBytes(1000));
    writeFileSync(path, patternBytes(999));
    await assert.rejects(files.read(file.id, 0, 10), changed);
    await assert.rejects(files.read(file.id, 2000, 10), changed, "even where there is nothing to read");
  });

  test("rejects reads once its time has changed", async () => {
    const { files, file, path } = await linked(patternBytes(1000));
    await files.read(file.id, 0, 10);
    const { atime, mtimeMs } = statSync(path);
    utimesSync(path, atime, new Date(mtimeMs + 1));
    await assert.rejects(files.read(file.id, 0, 10), changed);
  });

  test("is missing once it is gone", async () => {
    const { files, file, path } = await linked(patternBytes(1000));
    renameSync(path, `${path}.moved`);
    assert.equal(await files.retrieve(file.id), null);
    await assert.rejects(files.read(file.id, 0, 10), ResourceNotFoundError);
    renameSync(`${path}.moved`, path);
    assert.deepEqual(await files.read(file.id, 0, 10), patternBytes(1000).slice(0, 10));
  });

  test("must be a regular file that exists", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(join(directory, "files"));
    await assert.rejects(files.link(join(directory, "none")), { code: "ENOENT" });
    await assert.rejects(files.link(directory), InvalidRequestError);
    assert.ok(!existsSync(join(directory, "files")), "nothing was made");
  });

  test("gives its id up to a copy", async () => {
    const { files, file, path } = await linked(patternBytes(1000));
    await put(files, file.id, patternBytes(5));
    assert.deepEqual(await files.read(file.id, 0, 99), patternBytes(5));
    assert.equal(readFileSync(path).length, 1000);
  });
});

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield patternBytes(100);
  throw new Error("the source broke");
}

async function pidOfTheDead(directory: string): Promise<string> {
  return (await finish(start(directory, "console.log(process.pid)"))).trim();
}
