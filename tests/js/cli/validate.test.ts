import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { gzipSync } from "node:zlib";
import { edgebatch, folder, line, start } from "./command.ts";

const at = folder();

function file(name: string, content: string | Uint8Array): string {
  const path = join(at, name);
  writeFileSync(path, content);
  return path;
}

suite("edgebatch validate", () => {
  test("says nothing on standard output and exits with 0 for a good file", async () => {
    const { status, stdout, stderr } = await edgebatch([
      "validate",
      file("good.jsonl", line("a") + line("b")),
    ]);
    assert.deepEqual([status, stdout], [0, ""]);
    assert.match(stderr, /2 requests for \/v1\/chat\/completions, no errors/);
  });

  test("prints every error as file:line:column: code: message and exits with 1", async () => {
    const path = file("bad.jsonl", `${line("a")}\n{"custom_id":7}\n${line("a")}nonsense`);
    const { status, stdout } = await edgebatch(["validate", path]);
    assert.equal(status, 1);
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      `${path}:3: invalid_request: Custom_id must be a string (custom_id)`,
      `${path}:3: missing_required_parameter: Missing required parameter: method (method)`,
      `${path}:3: missing_required_parameter: Missing required parameter: url (url)`,
      `${path}:3: missing_required_parameter: Missing required parameter: body (body)`,
      `${path}:4: duplicate_custom_id: Custom_id 'a' is used more than once (custom_id)`,
      `${path}:5:1: invalid_json_line: This line is not parseable as valid JSON. There should be a value.`,
    ]);
  });

  test("prints one object with --json", async () => {
    const path = file("json.jsonl", `${line("a")}[]\n`);
    const { status, stdout } = await edgebatch(["validate", path, "--json"]);
    assert.equal(status, 1);
    assert.deepEqual(JSON.parse(stdout), {
      file: path,
      errors: [
        {
          code: "invalid_request",
          message: "Each line must be a JSON dictionary object",
          param: null,
          line: 2,
        },
      ],
      errorCount: 1,
      requestCount: 2,
    });
  });

  test("takes the endpoint of the first line, unless one is given", async () => {
    const body = { model: "m", input: "text" };
    const request = { custom_id: "a", method: "POST", url: "/v1/embeddings", body };
    const path = file("embeddings.jsonl", JSON.stringify(request));
    assert.equal((await edgebatch(["validate", path])).status, 0);
    const { status, stdout } = await edgebatch(["validate", path, "--endpoint", "/v1/responses"]);
    assert.equal(status, 1);
    assert.match(stdout, /:1: invalid_url: /);
  });

  test("takes the first line's url as it is, and reads a long first line at once", async () => {
    const body = { model: "m", query: "q", documents: ["x".repeat(3 << 20)] };
    const text = JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/rerank", body });
    for (const [name, end] of [
      ["ended", "\n"],
      ["unended", ""],
    ] as const) {
      const { status, stderr } = await edgebatch(["validate", file(`${name}.jsonl`, text + end)]);
      assert.equal(status, 0);
      assert.match(stderr, /1 request for \/v1\/rerank, no errors/);
    }
  });

  test("speaks the dialect it is asked for", async () => {
    const path = file("dialect.jsonl", line("a").replace('"custom_id":"a",', ""));
    const { stdout } = await edgebatch(["validate", path, "--dialect", "openai"]);
    assert.match(stdout, /Missing required parameter: 'custom_id'\./);
  });

  test("reads standard input for -, and gzip wherever it meets it", async () => {
    const good = await edgebatch(["validate", "-"], { input: line("a") });
    assert.deepEqual([good.status, good.stdout], [0, ""]);
    const bad = await edgebatch(["validate", "-"], { input: gzipSync(`${line("a")}{`) });
    assert.equal(
      bad.stdout,
      "-:2:2: invalid_json_line: This line is not parseable as valid JSON. The line ends here. There should be a name in double quotes or “}”.\n",
    );
    assert.equal((await edgebatch(["validate", file("good.jsonl.gz", gzipSync(line("a")))])).status, 0);
  });

  test("takes several files, and gives the exit status of the worst", async () => {
    const good = file("one.jsonl", line("a"));
    const bad = file("two.jsonl", "[]\n");
    const two = await edgebatch(["validate", good, bad, "--json"]);
    assert.equal(two.status, 1);
    const found = two.stdout
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text));
    assert.deepEqual(
      found.map((each) => [each.file, each.errorCount]),
      [
        [good, 0],
        [bad, 1],
      ],
    );
    const three = await edgebatch(["validate", join(at, "none"), bad, good]);
    assert.equal(three.status, 2);
    assert.match(three.stderr, /none: no such file\n.*one\.jsonl: 1 request/s);
  });

  test("says in one sentence what a file is that is no batch file", async () => {
    const text = line("a");
    for (const [name, content, what] of [
      ["x.png", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), /is a PNG image/],
      ["x.zip", Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), /is a ZIP archive/],
      ["x16.jsonl", Buffer.from(`\ufeff${text}`, "utf16le"), /is text in UTF-16/],
      ["x16n.jsonl", Buffer.from(text, "utf16le"), /is text in UTF-16/],
      ["x.json", `[\n  ${text}]`, /is a JSON array/],
      ["pretty.jsonl", JSON.stringify(JSON.parse(text), null, 2), /is JSON over several lines/],
      ["x.csv", "id,prompt,model\n1,hello,m\n", /is a table \(CSV\); edgebatch convert/],
      ["prompts.txt", "Why is the sky blue?\nAnd the sea?\n", /is plain text; edgebatch convert/],
      [
        "out.jsonl",
        '{"custom_id":"a","response":{"status_code":200}}',
        /is a file of results, .*edgebatch merge/,
      ],
    ] as const) {
      for (const command of ["validate", "run"]) {
        const { status, stdout, stderr } = await edgebatch([command, file(name, content)]);
        assert.deepEqual([status, stdout], [2, ""], name);
        assert.match(stderr, what);
        assert.equal(stderr.trimEnd().split("\n").length, 1);
      }
    }
  });

  test("is one of two commands that are named when there is none", async () => {
    const { status, stdout } = await edgebatch([]);
    assert.equal(status, 0);
    assert.match(stdout, /validate[\s\S]*run/);
  });

  test("takes as long a line as it is told", async () => {
    const path = file("long.jsonl", line("a", "x".repeat(9 << 20)));
    assert.equal((await edgebatch(["validate", path])).status, 1);
    assert.equal((await edgebatch(["validate", path, "--max-line-bytes", "10000000"])).status, 0);
  });

  test("counts what it does not show", async () => {
    const path = file("many.jsonl", "{x\n".repeat(30));
    const { stdout, stderr } = await edgebatch(["validate", path, "--max-errors", "10"]);
    assert.equal(stdout.split("\n").length, 11);
    assert.match(stderr, /30 errors \(the first 10 shown, 20 hidden/);
  });

  test("exits with 2 and a sentence when it cannot run", async () => {
    for (const [args, text] of [
      [["validate", join(at, "none.jsonl")], /none\.jsonl: no such file/],
      [["validate", at], /is a directory/],
      [["validate"], /missing required argument/],
      [["validate", "x", "--dialect", "latin"], /Allowed choices are reference, openai/],
      [["validate", "x", "--max-errors", "some"], /whole number/],
      [["frobnicate"], /unknown command/],
    ] as [string[], RegExp][]) {
      const { status, stdout, stderr } = await edgebatch(args);
      assert.equal(status, 2, args.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, text);
      assert.doesNotMatch(stderr, /\n\s+at /, "no stack trace");
    }
  });

  test("stops quietly when nobody reads on", async () => {
    const { child, ended } = start([
      "validate",
      file("endless.jsonl", "{x\n".repeat(200_000)),
      "--max-errors",
      "200000",
    ]);
    child.stdout?.once("data", () => child.stdout?.destroy());
    const { status, stderr } = await ended;
    assert.equal(status, 1);
    assert.doesNotMatch(stderr, /EPIPE/);
  });

  test("checks a file of 150 MB in bounded memory", async () => {
    const { child, ended } = start(["validate", "-", "--json", "--max-requests", "1000000"], {
      stdin: "pipe",
    });
    let peak = 0;
    const { readFileSync } = await import("node:fs");
    const block = line("ID", "text ".repeat(600));
    let sent = 0;
    for (let i = 0; sent < 150e6; i++) {
      const text = Array.from({ length: 64 }, (_, j) => block.replace("ID", `${i}-${j}`)).join("");
      sent += text.length;
      if (!child.stdin?.write(text)) await new Promise((resolve) => child.stdin?.once("drain", resolve));
      if (i % 50 === 0 && process.platform === "linux") {
        const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
        peak = Math.max(peak, Number(resident));
      }
    }
    child.stdin?.end();
    const { status, stdout } = await ended;
    assert.equal(status, 0);
    assert.ok(JSON.parse(stdout).requestCount > 40_000);
    assert.ok(peak < 200_000, `${peak} kB resident`);
  });
});
