/** What every {@link Files} must keep. */

import type { FileObject, FileWriter } from "../core/types.ts";
import { assert, assertBytes, assertEqual, assertRejects, patternBytes, randomFrom } from "./assert.ts";
import { holdTests } from "./files/holds.ts";
import { keptTests } from "./files/kept.ts";
import { rivalTests } from "./files/rivals.ts";
import { type FilesChecks, type FilesSubject, ID, isNotFound, NAMED, write } from "./files/subject.ts";
import { type ContractTest, suite } from "./suite.ts";

export type { FilesSubject };

/** Tests for a file store; `make` is called for each. */
export function filesContract(make: () => Promise<FilesSubject>): ContractTest[] {
  const checks = Object.entries({ ...tests, ...holdTests, ...keptTests, ...rivalTests });
  const bound = checks.map(([name, check]) => [
    name,
    (subject: FilesSubject) => check(subject.files, subject),
  ]);
  return suite("A file store", Object.fromEntries(bound), make);
}

const tests: FilesChecks = {
  "knows nothing of a file that was never made": async (files) => {
    for (const id of [ID, "file-", "", "../../etc/passwd", "nul\u0000", "é"]) {
      assertEqual(await files.retrieve(id), null, `retrieve of '${id}'`);
      const error = await assertRejects(files.read(id, 0, 10), `read of '${id}'`);
      assert(isNotFound(error), `read of '${id}' rejected with ${String(error)}`);
      assertEqual(error.status, 404, "its status");
    }
  },

  "describes a completed file in OpenAI's shape": async (files) => {
    const before = Math.floor(Date.now() / 1000);
    const made = await write(files, [patternBytes(1234)]);
    assert(/^file-\w+$/.test(made.id), `id is '${made.id}'`);
    assertEqual(made.object, "file", "object");
    assertEqual(made.bytes, 1234, "bytes");
    assertEqual([made.filename, made.purpose], ["input.jsonl", "batch"], "filename and purpose");
    assert(Number.isInteger(made.created_at), `created_at is ${made.created_at}`);
    assert(
      Math.abs(made.created_at - before) < 600,
      `created_at is ${made.created_at}, the time is ${before}`,
    );
    assertSameFile(await files.retrieve(made.id), made);
  },

  "gives each file an id of its own": async (files) => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => write(files, [patternBytes(10, i)])));
    assertEqual(new Set(made.map((file) => file.id)).size, 20, "ids");
    for (const [i, file] of made.entries()) {
      assertBytes(await files.read(file.id, 0, 10), patternBytes(10, i), `file ${i}`);
    }
  },

  "shows nothing of a file before it is complete": async (files) => {
    const writer = await files.create({ ...NAMED, id: ID });
    assertEqual(await files.retrieve(ID), null, "retrieve before the first write");
    await writer.write(patternBytes(100_000));
    assertEqual(await files.retrieve(ID), null, "retrieve before complete");
    const error = await assertRejects(files.read(ID, 0, 10), "read before complete");
    assert(isNotFound(error), `read rejected with ${String(error)}`);
    const made = await writer.complete();
    assertEqual(made.id, ID, "id");
    assertEqual((await files.retrieve(ID))?.bytes, 100_000, "bytes once complete");
  },

  "throws an aborted file away": async (files) => {
    const writer = await files.create({ ...NAMED, id: ID });
    await writer.write(patternBytes(1000));
    await writer.abort();
    await writer.abort();
    assertEqual(await files.retrieve(ID), null, "retrieve");
    await assertRejects(writer.complete(), "complete after abort");
    assertEqual(await files.retrieve(ID), null, "retrieve after complete");
    const untouched = await files.create(NAMED);
    await untouched.abort();
  },

  "keeps a completed file when its writer is aborted or completed again": async (files) => {
    const writer = await files.create({ ...NAMED, id: ID });
    await writer.write(patternBytes(1000));
    await writer.complete();
    await writer.abort();
    await writer.complete().catch(() => undefined);
    await assertRejects(
      Promise.resolve().then(() => writer.write(patternBytes(10))),
      "write after complete",
    );
    assertBytes(await files.read(ID, 0, 2000), patternBytes(1000), "read");
  },

  "reads any range, and fewer bytes only where the file ends": async (files) => {
    const whole = patternBytes(10_000);
    const { id } = await write(files, [whole.slice(0, 4000), whole.slice(4000, 4001), whole.slice(4001)]);
    // biome-ignore format: a list
    const ranges: [offset: number, length: number][] = [
      [0, 10_000], [0, 1], [9999, 1], [3999, 3], [3000, 5000], [0, 4000], [4000, 6000], [9990, 100], [0, 1_000_000],
      [10_000, 1], [10_001, 1], [1_000_000, 10], [0, 0], [5000, 0], [10_000, 0], [20_000, 0],
    ];
    for (const [offset, length] of ranges) {
      const found = await files.read(id, offset, length);
      assertBytes(found, whole.slice(offset, offset + length), `${length} bytes at ${offset}`);
    }
  },

  "takes an empty file, and one of empty parts": async (files) => {
    for (const parts of [[], [new Uint8Array(0)], [new Uint8Array(0), new Uint8Array(0)]]) {
      const made = await write(files, parts);
      assertEqual(made.bytes, 0, "bytes");
      assertBytes(await files.read(made.id, 0, 10), new Uint8Array(0), "read");
    }
  },

  "replaces a file when its id is completed again": async (files) => {
    await write(files, [patternBytes(5000, 1)], { ...NAMED, id: ID });
    const second = await files.create({ filename: "second.jsonl", purpose: "batch_output", id: ID });
    await second.write(patternBytes(300, 2));
    assertBytes(await files.read(ID, 0, 9999), patternBytes(5000, 1), "read before the second is complete");
    await second.complete();
    assertBytes(await files.read(ID, 0, 9999), patternBytes(300, 2), "read");
    const found = await files.retrieve(ID);
    assertEqual(
      [found?.bytes, found?.filename, found?.purpose],
      [300, "second.jsonl", "batch_output"],
      "file",
    );
    const third = await files.create({ ...NAMED, id: ID });
    await third.write(patternBytes(7, 3));
    await third.abort();
    assertBytes(await files.read(ID, 0, 9999), patternBytes(300, 2), "read after a third was aborted");
  },

  "takes a file whose earlier writer was left behind": async (files) => {
    const lost = await files.create({ ...NAMED, id: ID });
    await lost.write(patternBytes(1000, 1));
    await write(files, [patternBytes(500, 2)], { ...NAMED, id: ID });
    assertBytes(await files.read(ID, 0, 9999), patternBytes(500, 2), "read");
    await lost.abort();
    assertBytes(
      await files.read(ID, 0, 9999),
      patternBytes(500, 2),
      "read after the lost writer was aborted",
    );
  },

  "does not need a part once it is written": async (files) => {
    const writer = await files.create(NAMED);
    const buffer = new Uint8Array(1000);
    for (let i = 0; i < 5; i++) {
      buffer.set(patternBytes(1000, i));
      await writer.write(buffer);
    }
    buffer.fill(0);
    const { id } = await writer.complete();
    for (let i = 0; i < 5; i++) {
      assertBytes(await files.read(id, i * 1000, 1000), patternBytes(1000, i), `part ${i}`);
    }
  },

  "writes the bytes of a view, not of the buffer under it": async (files) => {
    const whole = patternBytes(100);
    const { id } = await write(files, [whole.subarray(10, 20), whole.subarray(50, 55)]);
    assertBytes(
      await files.read(id, 0, 100),
      Uint8Array.of(...whole.slice(10, 20), ...whole.slice(50, 55)),
      "read",
    );
  },

  "does not see what the caller does to what it has read": async (files) => {
    const { id } = await write(files, [patternBytes(100)]);
    (await files.read(id, 0, 100)).fill(0);
    assertBytes(await files.read(id, 0, 100), patternBytes(100), "read");
  },

  "joins many small parts": async (files) => {
    const whole = patternBytes(30_000);
    const random = randomFrom(3);
    const writer = await files.create(NAMED);
    let parts = 0;
    for (let at = 0; at < whole.length; parts++) {
      const length = random(30) + 1;
      await writer.write(whole.slice(at, at + length));
      at += length;
    }
    assert(parts > 1000, "too few parts");
    const { id, bytes } = await writer.complete();
    assertEqual(bytes, whole.length, "bytes");
    assertBytes(await files.read(id, 0, 99_999), whole, "read");
  },

  "streams a large file in parts of unequal size": async (files, { largeFileBytes = 24 * 1024 * 1024 }) => {
    const chunk = patternBytes(1024 * 1024 + 13);
    const writer = await files.create(NAMED);
    for (let left = largeFileBytes; left > 0; left -= chunk.length) {
      await writer.write(chunk.subarray(0, Math.min(left, chunk.length)));
    }
    const { id, bytes } = await writer.complete();
    assertEqual(bytes, largeFileBytes, "bytes");
    const step = 65_536;
    for (let at = 0; at < largeFileBytes; at += step) {
      const found = await files.read(id, at, step);
      const wanted = Math.min(step, largeFileBytes - at);
      const from = at % chunk.length;
      const head = chunk.subarray(from, from + wanted);
      assertBytes(found.subarray(0, head.length), head, `bytes at ${at}`);
      assertBytes(found.subarray(head.length), chunk.subarray(0, wanted - head.length), `bytes after ${at}`);
    }
  },

  "serves many readers at once": async (files) => {
    const whole = patternBytes(200_000);
    const { id } = await write(files, [whole]);
    const offsets = Array.from({ length: 50 }, (_, i) => i * 3999);
    const found = await Promise.all(offsets.map((offset) => files.read(id, offset, 5000)));
    for (const [i, offset] of offsets.entries()) {
      assertBytes(found[i] ?? null, whole.slice(offset, offset + 5000), `bytes at ${offset}`);
    }
  },

  "keeps several writers apart": async (files) => {
    const writers: FileWriter[] = [];
    for (let i = 0; i < 5; i++) writers.push(await files.create(NAMED));
    for (let round = 0; round < 4; round++) {
      for (const [i, writer] of writers.entries()) await writer.write(patternBytes(100, 10 * i + round));
    }
    for (const [i, writer] of writers.entries()) {
      const { id } = await writer.complete();
      for (let round = 0; round < 4; round++) {
        const found = await files.read(id, round * 100, 100);
        assertBytes(found, patternBytes(100, 10 * i + round), `file ${i}, part ${round}`);
      }
    }
  },

  "keeps a file's name as it is": async (files) => {
    for (const filename of [
      "你好 😀.jsonl",
      'a "quoted" / name\\..%00',
      "../up.jsonl",
      "x".repeat(300),
      "",
    ]) {
      const made = await write(files, [patternBytes(3)], { filename, purpose: "batch_output" });
      assertEqual(made.filename, filename, "filename");
      assertEqual((await files.retrieve(made.id))?.filename, filename, "filename as retrieved");
    }
  },

  "tells of bytes that are lost, instead of giving fewer": async (files, { cut }) => {
    if (!cut) return;
    const { id } = await write(files, [patternBytes(10_000)]);
    await cut(id, 4_000);
    assertBytes(await files.read(id, 0, 6_000), patternBytes(10_000).slice(0, 6_000), "what is still there");
    for (const [offset, length] of [
      [0, 10_000],
      [5_999, 2],
      [6_000, 1],
      [9_999, 100],
    ] as const) {
      const error = await assertRejects(files.read(id, offset, length), `${length} bytes at ${offset}`);
      assert(
        error instanceof Error && error.message.includes(id),
        `it does not name the file: ${String(error)}`,
      );
    }
    assertBytes(await files.read(id, 10_000, 1), new Uint8Array(0), "read past the end");
  },

  "keeps everything when it is opened again": async (files, { reopen }) => {
    if (!reopen) return;
    const made = await write(files, [patternBytes(70_000)], { filename: "é.jsonl", purpose: "batch" });
    const lost = await files.create({ ...NAMED, id: ID });
    await lost.write(patternBytes(100));
    const again = await reopen();
    assertSameFile(await again.retrieve(made.id), made);
    assertBytes(await again.read(made.id, 0, 99_999), patternBytes(70_000), "read");
    assertEqual(await again.retrieve(ID), null, "a file that was not complete");
    await lost.abort();
  },
};

function assertSameFile(found: FileObject | null, made: FileObject): void {
  for (const key of ["id", "object", "bytes", "created_at", "filename", "purpose"] as const) {
    assertEqual(found?.[key], made[key], `${key} as retrieved`);
  }
}
