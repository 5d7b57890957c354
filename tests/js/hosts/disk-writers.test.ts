/** Writers of one file in several processes, and what becomes of their bytes. */
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { patternBytes } from "../../../js/contract/assert.ts";
import { DiskFiles } from "../../../js/hosts/files/disk.ts";
import { finish, hosts, start } from "./children.ts";
import { temporaryDirectory } from "./temp.ts";

const NAMED = { filename: "a.jsonl", purpose: "batch" };

async function put(files: DiskFiles, id: string, bytes: Uint8Array): Promise<void> {
  const writer = await files.create({ ...NAMED, id });
  await writer.write(bytes);
  await writer.complete();
}

describe("DiskFiles", () => {
  test("holds one of two files whole when a writer was stopped while another process wrote its id", async () => {
    for (const ending of ["complete", "abort"] as const) {
      const directory = temporaryDirectory();
      const child = start(
        temporaryDirectory(),
        `import { DiskFiles } from ${JSON.stringify(`${hosts}files/disk.ts`)};
         const files = new DiskFiles(${JSON.stringify(directory)});
         const writer = await files.create({ filename: "x", purpose: "batch", id: "file-same" });
         await writer.write(new Uint8Array(100_000).fill(1));
         console.log(process.pid);
         // Stopped here, for as long as the other takes.
         process.kill(process.pid, "SIGSTOP");
         await writer.write(new Uint8Array(100_000).fill(1));
         await writer.${ending}();`,
      );
      const ended = finish(child);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      const files = new DiskFiles(directory);
      await put(files, "file-same", new Uint8Array(150_000).fill(2));
      assert.deepEqual(await files.read("file-same", 0, 999_999), new Uint8Array(150_000).fill(2));
      // Again and again, as it may not have stopped yet.
      const going = setInterval(() => child.kill("SIGCONT"), 10);
      await ended.finally(() => clearInterval(going));
      const left = ending === "abort" ? new Uint8Array(150_000).fill(2) : new Uint8Array(200_000).fill(1);
      for (const store of [files, new DiskFiles(directory)]) {
        assert.deepEqual(await store.read("file-same", 0, 999_999), left, ending);
        assert.equal((await store.retrieve("file-same"))?.bytes, left.length);
      }
      assert.equal(readdirSync(directory).length, 2, "metadata and its bytes alone are left");
    }
  });

  test("completes no file whose bytes were swept away under its writer, and keeps the one before", async () => {
    const directory = temporaryDirectory();
    const files = new DiskFiles(directory);
    await put(files, "file-same", patternBytes(10));
    const before = readdirSync(directory);
    const writer = await files.create({ ...NAMED, id: "file-same" });
    await writer.write(patternBytes(1000));
    for (const name of readdirSync(directory)) if (!before.includes(name)) rmSync(join(directory, name));
    await assert.rejects(writer.complete(), /file-same.*removed/);
    assert.deepEqual(await files.read("file-same", 0, 9999), patternBytes(10));
    assert.deepEqual(readdirSync(directory).sort(), before.sort());
  });

  test("leaves the bytes of a living writer in another process alone", async () => {
    const directory = temporaryDirectory();
    const mine = await new DiskFiles(directory).create({ ...NAMED, id: "file-mine" });
    await mine.write(patternBytes(1000));
    await finish(
      start(
        temporaryDirectory(),
        `import { DiskFiles } from ${JSON.stringify(`${hosts}files/disk.ts`)};
         const files = new DiskFiles(${JSON.stringify(directory)});
         const writer = await files.create({ filename: "x", purpose: "batch", id: "file-mine" });
         await writer.write(new Uint8Array(3));
         await writer.abort();`,
      ),
    );
    await mine.complete();
    assert.deepEqual(await new DiskFiles(directory).read("file-mine", 0, 2000), patternBytes(1000));
  });
});
