import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { gzipSync } from "node:zlib";
import { edgebatch, folder, line } from "./command.ts";

const at = folder();

function file(name: string, content: string | Uint8Array): string {
  const path = join(at, name);
  writeFileSync(path, content);
  return path;
}

const read = (name: string) => readFileSync(join(at, name), "utf8");
const result = (id: string, status = 200) =>
  `${JSON.stringify({ custom_id: id, response: { status_code: status, body: {} }, error: null })}\n`;

suite("edgebatch split and merge", () => {
  test("cuts a file into parts that are the file together, packed or not", async () => {
    const lines = ["a", "b", "c", "d", "e"].map((id) => line(id));
    const path = file("r.jsonl.gz", gzipSync(lines.join("")));
    const { status, stderr } = await edgebatch(["split", path, "--requests", "2"]);
    assert.equal(status, 0);
    const names = ["r.001.jsonl", "r.002.jsonl", "r.003.jsonl"];
    assert.deepEqual(
      names.map(read),
      [lines.slice(0, 2), lines.slice(2, 4), lines.slice(4)].map((part) => part.join("")),
    );
    assert.equal(stderr.trimEnd().split("\n").length, 3);
    assert.ok(stderr.startsWith(`wrote ${join(at, "r.001.jsonl")}: 2 requests, `));

    const again = await edgebatch(["split", path, "--requests", "3"]);
    assert.equal(again.status, 2);
    assert.match(again.stderr, /r\.001\.jsonl exists; --force replaces it/);
    const bytes = String(lines.slice(0, 3).join("").length);
    const forced = await edgebatch(["split", path, "--bytes", bytes, "--force", "--json"]);
    const { parts } = JSON.parse(forced.stdout);
    assert.deepEqual(
      parts.map(({ requests }: { requests: number }) => requests),
      [3, 2],
    );
    assert.match(forced.stderr, /r\.003\.jsonl is there too, and none of these parts/);
    assert.equal(read("r.001.jsonl") + read("r.002.jsonl"), lines.join(""));
  });

  test("leaves a file alone that is within the limits, and what is no batch file", async () => {
    const { status, stderr } = await edgebatch(["split", file("small.jsonl", line("a"))]);
    assert.equal(status, 0);
    assert.match(stderr, /1 request, \d+ B: within the limits, nothing to split/);
    const table = await edgebatch(["split", file("t.csv", "id,prompt\n1,a\n"), "--requests", "1"]);
    assert.equal(table.status, 2);
    assert.match(table.stderr, /is a table \(CSV\); edgebatch convert/);
    assert.equal(existsSync(join(at, "small.001.jsonl")), false);
    assert.deepEqual(
      readdirSync(at).filter((name) => name.startsWith(".")),
      [],
    );
  });

  test("joins the results of parts in the order of the input", async () => {
    const input = file("in.jsonl", ["a", "b", "c", "d"].map((id) => line(id)).join(""));
    const first = file("in.001.output.jsonl", result("b") + result("a"));
    const second = file("in.002.output.jsonl", result("d"));
    const errors = file("in.002.errors.jsonl", result("c", 400));
    const out = join(at, "all.jsonl");
    const { status, stderr } = await edgebatch(["merge", input, errors, second, first, "-o", out]);
    assert.equal(status, 0);
    assert.equal(read("all.jsonl"), result("a") + result("b") + result("c", 400) + result("d"));
    assert.match(stderr, /merged: 4 requests: 3 answered, 1 failed\nwrote /);
    const over = await edgebatch(["merge", input, first, "-o", first, "--force"]);
    assert.equal(over.status, 2);
    assert.match(over.stderr, /--out names .*in\.001\.output\.jsonl, which is to be read/);
  });
});
