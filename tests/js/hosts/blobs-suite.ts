/** What all objects promise, wherever they are kept. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import type { Blobs } from "../../../js/server/ports.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (found: Uint8Array | null | undefined) => found && new TextDecoder().decode(found);
const key = "alice/files/file-1";
/** More than a part of what is written in parts. */
const LARGE = 20_000_000;

export function blobsSuite(name: string, make: () => Promise<Blobs>): void {
  describe(`Objects of ${name}`, () => {
    test("are there once they are complete, in ranges, and gone once they are deleted", async () => {
      const blobs = await make();
      assert.equal(await blobs.read(key, 0, 10), null);
      assert.equal(await blobs.read(key, 0, 0), null);
      assert.equal(await blobs.open(key, 0, 10), null);
      await blobs.delete([key]);
      const writer = blobs.write(key, async () => {});
      await writer.write(bytes("hello, "));
      assert.equal(writer.size, 7);
      assert.equal(await blobs.read(key, 0, 10), null);
      const chunk = bytes("world");
      await writer.write(chunk);
      chunk.fill(0);
      assert.equal(await writer.complete(), 12);
      for (const [offset, length, expected] of [
        [0, 100, "hello, world"],
        [7, 3, "wor"],
        [11, 5, "d"],
        [12, 5, ""],
        [50, 5, ""],
        [3, 0, ""],
      ] as const) {
        assert.equal(text(await blobs.read(key, offset, length)), expected);
        const opened = await blobs.open(key, offset, length);
        assert.equal(opened?.size, 12);
        assert.equal(await new Response(opened?.body).text(), expected);
      }
      await blobs.delete([key, "alice/files/never", "bob/files/never"]);
      assert.equal(await blobs.read(key, 0, 10), null);
    });

    test("that are written again are replaced whole; until then, or if that is given up, the old ones stay", async () => {
      const blobs = await make();
      const write = async (content: string) => {
        const writer = blobs.write(key, async () => {});
        if (content) await writer.write(bytes(content));
        assert.equal(await writer.complete(), content.length);
      };
      await write("old");
      const given = blobs.write(key, async () => {});
      await given.write(bytes("given up"));
      await given.abort();
      await given.abort();
      await assert.rejects(given.complete(), /closed/);
      await assert.rejects(given.write(bytes("more")), /closed/);
      assert.equal(text(await blobs.read(key, 0, 10)), "old");
      await write("");
      assert.equal(text(await blobs.read(key, 0, 10)), "");
    });

    test("that are large come back as they were, and those that are cut off are found by what they said before", async () => {
      const blobs = await make();
      const content = Uint8Array.from({ length: LARGE }, (_, i) => (i * 7) ^ (i >> 8));
      const began: string[] = [];
      const write = async (to: number) => {
        const writer = blobs.write(key, async (id) => void began.push(id));
        for (let at = 0; at < to; at += 1_000_000) await writer.write(content.subarray(at, at + 1_000_000));
        return writer;
      };
      assert.equal(await (await write(LARGE)).complete(), LARGE);
      const opened = await blobs.open(key, 0, LARGE);
      const found = new Uint8Array(await new Response(opened?.body).arrayBuffer());
      assert.equal(Buffer.compare(found, content), 0);
      assert.deepEqual(await blobs.read(key, LARGE - 3, 10), content.slice(-3));
      const cut = await write(10_000_000);
      assert.equal(began.length, 2);
      for (let i = 0; i < 2; i++) await blobs.discard(key, began[1] as string);
      await assert.rejects(cut.complete());
      assert.deepEqual(await blobs.read(key, 0, 3), content.slice(0, 3));
    });

    test("have any keys, and no key leads to another's", async () => {
      const blobs = await make();
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
      for (const name of keys) assert.equal(text(await blobs.read(name, 0, 100)), name);
      await blobs.delete(keys.slice(1));
      assert.equal(text(await blobs.read("a/b", 0, 100)), "a/b");
      for (const name of keys.slice(1)) assert.equal(await blobs.read(name, 0, 100), null);
    });
  });
}
