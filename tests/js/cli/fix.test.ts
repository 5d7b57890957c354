import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { gzipSync } from "node:zlib";
import { until } from "../server/suite/batches.ts";
import { edgebatch, folder, line, start } from "./command.ts";

const at = folder();

function file(name: string, content: string | Uint8Array): string {
  const path = join(at, name);
  writeFileSync(path, content);
  return path;
}

const good = line("a") + line("b");
const bad = good.replace("POST", "GET").replace('"b"', '"a"');
const mended = line("a") + line("a#2");

suite("edgebatch fix", () => {
  test("writes a mended file beside the original, which stays as it is", async () => {
    const path = file("wrong.jsonl", bad);
    const { status, stdout, stderr } = await edgebatch(["fix", path]);
    assert.deepEqual([status, stdout], [0, ""]);
    const out = join(at, "wrong.fixed.jsonl");
    assert.deepEqual(stderr.trimEnd().split("\n"), [
      "Set method to POST: 1 line",
      "Number duplicate custom_ids: 1 line",
      `${out}: 2 requests for /v1/chat/completions, no errors`,
      `wrote ${out}`,
    ]);
    assert.deepEqual([readFileSync(path, "utf8"), readFileSync(out, "utf8")], [bad, mended]);

    const again = await edgebatch(["fix", path]);
    assert.equal(again.status, 2);
    assert.match(again.stderr, /wrong\.fixed\.jsonl exists; --force replaces it/);
    assert.equal((await edgebatch(["fix", path, "--force"])).status, 0);
  });

  test("leaves nothing behind when it is interrupted", async () => {
    const out = join(at, "interrupted.jsonl");
    const draft = join(at, ".interrupted.jsonl.making");
    const { child, ended } = start(["fix", "-", "-o", out], { stdin: "pipe" });
    child.stdin?.write(bad);
    await until("the draft is there", () => existsSync(draft));
    child.kill("SIGINT");
    assert.equal((await ended).status, 130);
    assert.deepEqual([existsSync(draft), existsSync(out)], [false, false]);
  });

  test("mends what is asked for, and exits with 1 for errors that are left", async () => {
    const out = join(at, "only.jsonl");
    const { status, stdout } = await edgebatch(["fix", file("o.jsonl", bad), "-o", out, "--only", "method"]);
    assert.equal(status, 1);
    assert.equal(stdout, `${out}:2: duplicate_custom_id: Custom_id 'a' is used more than once (custom_id)\n`);
    assert.equal(readFileSync(out, "utf8"), bad.replace("GET", "POST"));
    const unknown = await edgebatch(["fix", "o.jsonl", "--only", "everything"]);
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /It must be some of encoding, lines, json, stream, method/);
  });

  test("shows with --dry-run what it would do, and writes nothing", async () => {
    const path = file("dry.jsonl", bad);
    const { status, stdout } = await edgebatch(["fix", path, "--dry-run"]);
    assert.equal(status, 0);
    const shown = stdout.split("\n");
    assert.deepEqual(
      [shown[0], shown[3]],
      ["Set method to POST: 1 line", "Number duplicate custom_ids: 1 line"],
    );
    assert.match(shown[1] as string, /^ {2}1 - .*"GET"/);
    assert.match(shown[2] as string, /^ {2}1 \+ .*"POST"/);
    assert.equal(existsSync(join(at, "dry.fixed.jsonl")), false);
  });

  test("makes lines of an array in UTF-16, packed or not", async () => {
    const array = `[\n${good.trimEnd().split("\n").join(",\n")}\n]`;
    const packed = gzipSync(Buffer.from(`\ufeff${array}`, "utf16le"));
    const { status, stdout } = await edgebatch(["fix", file("array.json.gz", packed), "-o", "-"]);
    assert.deepEqual([status, stdout], [0, good]);
  });

  test("writes a file that needs nothing only where one is named", async () => {
    const path = file("fine.jsonl", good);
    const { status, stderr } = await edgebatch(["fix", path]);
    assert.equal(status, 0);
    assert.match(stderr, /^nothing to mend\n/);
    assert.equal(existsSync(join(at, "fine.fixed.jsonl")), false);
    const out = join(at, "copy.jsonl");
    assert.equal((await edgebatch(["fix", path, "--out", out])).status, 0);
    assert.equal(readFileSync(out, "utf8"), good);
  });

  test("tells programs by --json", async () => {
    const path = file("json.jsonl", bad);
    const { status, stdout } = await edgebatch(["fix", path, "--json", "-o", join(at, "j.jsonl")]);
    assert.equal(status, 0);
    const { output, cures, errors, requestCount } = JSON.parse(stdout);
    assert.deepEqual([output, errors, requestCount], [join(at, "j.jsonl"), [], 2]);
    const counts = cures.map(({ cure, count }: { cure: string; count: number }) => [cure, count]);
    assert.deepEqual(counts, [
      ["method", 1],
      ["duplicates", 1],
    ]);
  });

  test("refuses to write over the original, and files that are none of requests, and leaves nothing behind", async () => {
    const path = file("self.jsonl", bad);
    const self = await edgebatch(["fix", path, "-o", path, "--force"]);
    assert.equal(self.status, 2);
    assert.match(self.stderr, /is the file itself/);
    const png = await edgebatch(["fix", file("x.png", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]))]);
    assert.equal(png.status, 2);
    assert.match(png.stderr, /is a PNG image/);
    assert.equal(readFileSync(path, "utf8"), bad);
    assert.deepEqual(
      readdirSync(at).filter((name) => name.startsWith(".")),
      [],
    );
  });
});
