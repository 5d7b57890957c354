import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryFiles, ResourceNotFoundError, readLines } from "../../js/entry/node.ts";

async function gathered(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

async function linesOf(content: string | Uint8Array): Promise<string[]> {
  const files = new MemoryFiles();
  const { id } = await files.add("a.jsonl", content);
  return gathered(readLines(files, id));
}

test("lines end at line feeds and nowhere else, with or without a last one", async () => {
  assert.deepEqual(await linesOf(""), []);
  assert.deepEqual(await linesOf("a"), ["a"]);
  assert.deepEqual(await linesOf("a\n\nb\r\n"), ["a", "", "b\r"]);
  assert.deepEqual(await linesOf("\n"), [""]);
  assert.deepEqual(await linesOf("\ufeffa\u2028b\u0085c\n\ufeffd"), ["\ufeffa\u2028b\u0085c", "\ufeffd"]);
});

test("pieces of the file that break a line, a character or nothing make no difference", async () => {
  const piece = 256 * 1024;
  for (const before of [piece - 3, piece - 2, piece - 1, piece, piece + 1]) {
    const lines = ["x".repeat(before), "€😀", "y".repeat(3 * piece), "z"];
    assert.deepEqual(await linesOf(lines.join("\n")), lines, `${before} characters before`);
    assert.deepEqual(await linesOf(`${lines.join("\n")}\n`), lines, `${before} characters before, ended`);
  }
  assert.deepEqual(await linesOf("x".repeat(piece)), ["x".repeat(piece)]);
  // A character that is cut off by its line does not reach into the next.
  const cut = new Uint8Array([...Buffer.from("a€").subarray(0, 3), 0x0a, 0x62]);
  assert.deepEqual(await linesOf(cut), ["a\ufffd", "b"]);
});

test("a batch that has no such file has no lines of it, and a file that is missing is an error", async () => {
  assert.deepEqual(await gathered(readLines(new MemoryFiles(), null)), []);
  await assert.rejects(gathered(readLines(new MemoryFiles(), "file-none")), ResourceNotFoundError);
});
