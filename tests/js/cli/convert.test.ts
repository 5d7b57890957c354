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

suite("edgebatch convert", () => {
  test("writes a batch file beside a table, checked, with a line for each row", async () => {
    const path = file("q.csv", 'custom_id,prompt\na,hello\nb,"hello"\n');
    const { status, stdout, stderr } = await edgebatch(["convert", path, "--model", "echo-1"]);
    assert.deepEqual([status, stdout], [0, ""]);
    const out = join(at, "q.batch.jsonl");
    assert.equal(readFileSync(out, "utf8"), line("a") + line("b"));
    assert.deepEqual(stderr.trimEnd().split("\n"), [
      `${path}: 2 rows`,
      `${out}: 2 requests for /v1/chat/completions, no errors`,
      `wrote ${out}`,
    ]);
    const again = await edgebatch(["convert", path, "--model", "echo-1"]);
    assert.equal(again.status, 2);
    assert.match(again.stderr, /q\.batch\.jsonl exists; --force replaces it/);
  });

  test("makes requests of every option, from a pipe, packed, of any layout", async () => {
    const template = file("t.json", '{ "model": "m", "input": "{t}", "dimensions": "{n:json}" }');
    const array = gzipSync('[{"t": "a\\n{b}", "n": 8},\n {"t": "\\"", "n": null}]');
    const { status, stdout } = await edgebatch(
      [
        "convert",
        "-",
        "-o",
        "-",
        "--endpoint",
        "/v1/embeddings",
        "--template",
        `@${template}`,
        "--id",
        "{t}{#}",
      ],
      { input: array },
    );
    assert.equal(status, 0);
    const of = (custom_id: string, input: string, dimensions: number | null) =>
      JSON.stringify({
        ...{ custom_id, method: "POST", url: "/v1/embeddings" },
        body: { model: "m", input, dimensions },
      });
    assert.equal(stdout, `${of("a\n{b}1", "a\n{b}", 8)}\n${of('"2', '"', null)}\n`);
  });

  test("says which rows it left out, and which ids come twice, and exits with 1", async () => {
    const path = file("bad.tsv", "id\tprompt\n1\ta\n2\n1\tb\n");
    const out = join(at, "bad.jsonl");
    const { status, stdout, stderr } = await edgebatch(["convert", path, "--model", "m", "-o", out]);
    assert.equal(status, 1);
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      `${path}:3: invalid_row: It has 1 field, the header 2.`,
      `${out}:2: duplicate_custom_id: Custom_id '1' is used more than once (custom_id)`,
    ]);
    assert.match(stderr, /3 rows, 1 of them not converted/);
    const numbered = await edgebatch(["convert", path, "--model", "m", "-o", "-", "--id", "", "--json"]);
    assert.equal(numbered.status, 2);
    const json = await edgebatch([
      "convert",
      path,
      "--model",
      "m",
      "-o",
      out,
      "--id",
      "",
      "--json",
      "--force",
    ]);
    const { from, columns, rows, written, rowErrorCount, errorCount } = JSON.parse(json.stdout);
    assert.deepEqual(
      [from, columns, rows, written, rowErrorCount, errorCount],
      ["table", ["id", "prompt"], 3, 2, 1, 0],
    );
  });

  test("says in words of the command line what is missing, and leaves nothing behind", async () => {
    const path = file("c.csv", "id,a,b\n1,x,y\n");
    for (const [args, text] of [
      [[], "--model is wanted: it is in every request"],
      [["--model", "m"], "--prompt: which column holds the prompt? The file has id, a, b."],
      [["--model", "m", "--prompt", "{a} {c}"], "--prompt: there is no column 'c'; the file has id, a, b."],
      [["--model", "m", "--id", "c"], "--id: there is no column 'c'; the file has id, a, b."],
      [["--model", "m", "--extra", "@none"], "none: no such file"],
    ] as const) {
      const { status, stderr } = await edgebatch(["convert", path, ...args]);
      assert.equal(status, 2);
      assert.ok(stderr.startsWith(`edgebatch: ${text}`), stderr);
    }
    const batch = await edgebatch(["convert", file("ok.jsonl", line("a")), "--model", "m"]);
    assert.match(batch.stderr, /ok\.jsonl: it is a batch file already/);
    assert.equal(existsSync(join(at, "c.batch.jsonl")), false);
    const hidden = readdirSync(at).filter((name) => name.startsWith("."));
    assert.deepEqual(hidden, []);
  });
});
