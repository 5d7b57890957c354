/** What all objects promise, wherever they are kept: as tests for any framework, as some run inside workerd. */

import { assert, assertBytes, assertEqual, assertRejects } from "../../../js/contract/assert.ts";
import { type ContractTest, suite } from "../../../js/contract/suite.ts";
import type { Blobs } from "../../../js/server/ports.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (found: Uint8Array | null | undefined) => found && new TextDecoder().decode(found);
const key = "alice/files/file-1";
/** More than a part of what is written in parts. */
const LARGE = 20_000_000;

interface Subject {
  blobs: Blobs;
  close?(): Promise<void>;
}

/** Tests for objects; `make` is called for each. */
export function blobsTests(make: () => Promise<Blobs>): ContractTest[] {
  const bound = Object.entries(tests).map(([name, check]) => [name, ({ blobs }: Subject) => check(blobs)]);
  const subject = async (): Promise<Subject> => ({ blobs: await make() });
  return suite("Objects", Object.fromEntries(bound), subject);
}

const tests: Record<string, (blobs: Blobs) => Promise<void>> = {
  "are there once they are complete, in ranges, and gone once they are deleted": async (blobs) => {
    for (const length of [10, 0])
      assertEqual(await blobs.read(key, 0, length), null, "read before it is made");
    assertEqual(await blobs.open(key, 0, 10), null, "opened before it is made");
    await blobs.delete([key]);
    const writer = blobs.write(key, async () => {});
    await writer.write(bytes("hello, "));
    assertEqual(writer.size, 7, "its size");
    assertEqual(await blobs.read(key, 0, 10), null, "read before it is complete");
    const chunk = bytes("world");
    await writer.write(chunk);
    chunk.fill(0);
    assertEqual(await writer.complete(), 12, "its size once complete");
    for (const [offset, length, expected] of [
      [0, 100, "hello, world"],
      [7, 3, "wor"],
      [11, 5, "d"],
      [12, 5, ""],
      [50, 5, ""],
      [3, 0, ""],
    ] as const) {
      const what = `${length} bytes at ${offset}`;
      assertEqual(text(await blobs.read(key, offset, length)), expected, what);
      const opened = await blobs.open(key, offset, length);
      assertEqual(opened?.size, 12, "the size of what is opened");
      assertEqual(await new Response(opened?.body).text(), expected, what);
    }
    await blobs.delete([key, "alice/files/never", "bob/files/never"]);
    assertEqual(await blobs.read(key, 0, 10), null, "read once it is deleted");
  },

  "that are written again are replaced whole; until then, or if that is given up, the old ones stay": async (
    blobs,
  ) => {
    const write = async (content: string) => {
      const writer = blobs.write(key, async () => {});
      if (content) await writer.write(bytes(content));
      assertEqual(await writer.complete(), content.length, "its size");
    };
    await write("old");
    const given = blobs.write(key, async () => {});
    await given.write(bytes("given up"));
    await given.abort();
    await given.abort();
    for (const late of [() => given.complete(), () => given.write(bytes("more"))]) {
      const error = await assertRejects(Promise.resolve().then<unknown>(late), "what is given up");
      assert(/closed/.test(String(error)), `it is refused with ${String(error)}`);
    }
    assertEqual(text(await blobs.read(key, 0, 10)), "old", "read once another is given up");
    await write("");
    assertEqual(text(await blobs.read(key, 0, 10)), "", "read once it is replaced");
  },

  "that are large come back as they were, and those that are cut off are found by what they said before":
    async (blobs) => {
      const content = Uint8Array.from({ length: LARGE }, (_, i) => (i * 7) ^ (i >> 8));
      const began: string[] = [];
      const write = async (to: number) => {
        const writer = blobs.write(key, async (id) => void began.push(id));
        for (let at = 0; at < to; at += 1_000_000) await writer.write(content.subarray(at, at + 1_000_000));
        return writer;
      };
      assertEqual(await (await write(LARGE)).complete(), LARGE, "its size");
      const opened = await blobs.open(key, 0, LARGE);
      const found = new Uint8Array(await new Response(opened?.body).arrayBuffer());
      assertBytes(found, content, "what is opened");
      assertBytes(await blobs.read(key, LARGE - 3, 10), content.slice(-3), "its end");
      const cut = await write(10_000_000);
      assertEqual(began.length, 2, "uploads in parts");
      for (let i = 0; i < 2; i++) await blobs.discard(key, began[1] as string);
      await assertRejects(cut.complete(), "what is cut off");
      assertBytes(await blobs.read(key, 0, 3), content.slice(0, 3), "its beginning");
    },

  "have any keys, and no key leads to another's": async (blobs) => {
    const keys = [
      "a/b",
      "a/B",
      "A/b",
      "a/b c",
      "a/b+c",
      "a/b%20c",
      "é/a",
      "e\u0301/a",
      "a/(b)!*'",
      "a/b&<c>",
      "a/~b",
    ];
    for (const name of keys) {
      const writer = blobs.write(name, async () => {});
      await writer.write(bytes(name));
      await writer.complete();
    }
    for (const name of keys) assertEqual(text(await blobs.read(name, 0, 100)), name, "read");
    await blobs.delete(keys.slice(1));
    assertEqual(text(await blobs.read("a/b", 0, 100)), "a/b", "what is not deleted");
    for (const name of keys.slice(1)) assertEqual(await blobs.read(name, 0, 100), null, name);
  },
};
