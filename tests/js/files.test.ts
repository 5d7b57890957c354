/** Files as other people's tools make them, checked by the library and on the command line. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { FirstLine } from "../../js/core/first-line.ts";
import { type BatchError, type Dialect, Validator, type ValidatorOptions } from "../../js/entry/node.ts";
import { edgebatch, folder, line } from "./cli/command.ts";
import { type Expected, table } from "./files.table.ts";

const at = fileURLToPath(new URL("../data/files", import.meta.url));
const chat = "/v1/chat/completions";
const dialects: Dialect[] = ["openai", "reference"];

function pathOf(name: string): string {
  return join(at, name.includes(".") ? name : `${name}.jsonl`);
}

function errorsOf({ errors = [], reference = errors }: Expected, dialect: Dialect): string[] {
  return dialect === "openai" ? errors : reference;
}

/** The table's errors one by one: its ranges of lines spread out. */
function spread(errors: string[]): string[] {
  return errors.flatMap((error) => {
    const [, from, to, rest] = /^(\d+)-(\d+)( .*)$/.exec(error) ?? [];
    if (rest === undefined) return [error];
    const count = Number(to) - Number(from) + 1;
    return Array.from({ length: count }, (_, i) => `${Number(from) + i}${rest}`);
  });
}

/** Errors in the table's words, messages only where it has one. */
function told(found: BatchError[], expected: string[]): string[] {
  return found.map(({ line, code, param, message }, i) => {
    const fields = `${line ?? "-"} ${code} ${param ?? "-"}`;
    assert.notEqual(message, "");
    return expected[i]?.includes(": ") ? `${fields}: ${message}` : fields;
  });
}

function check(bytes: Uint8Array, options: ValidatorOptions, piece: number) {
  const validator = new Validator(options);
  for (let from = 0; from < bytes.length; from += piece) validator.push(bytes.subarray(from, from + piece));
  return validator.finish();
}

function endpointOf(bytes: Uint8Array, piece: number): string {
  const first = new FirstLine();
  for (let from = 0; from < bytes.length; from += piece) {
    if (!first.push(bytes.subarray(from, from + piece))) break;
  }
  return first.endpoint();
}

suite("Files as other tools make them", () => {
  test("are all in the table, and all of the table is there", () => {
    const names = readdirSync(at).map((name) => name.replace(/\.jsonl$/, ""));
    assert.deepEqual(names.sort(), Object.keys(table).sort());
  });

  test("are judged alike in one piece and byte by byte, in both dialects", () => {
    for (const [name, expected] of Object.entries(table)) {
      const bytes = readFileSync(pathOf(name));
      const { endpoint = chat, requests } = expected;
      for (const piece of [1, bytes.length || 1]) {
        assert.equal(endpointOf(bytes, piece), endpoint, name);
        for (const dialect of dialects) {
          const found = check(bytes, { endpoint, dialect }, piece);
          const errors = spread(errorsOf(expected, dialect));
          const what = `${name}, ${dialect}, ${piece}`;
          assert.deepEqual(told(found.errors, errors), errors, what);
          assert.deepEqual([found.errorCount, found.requestCount], [errors.length, requests], what);
        }
      }
    }
  });

  test("are told on the command line by their errors, or in one sentence", async () => {
    // In one call for each kind: starting a process is what takes the time.
    for (const dialect of dialects) {
      const names = Object.keys(table).filter((name) => table[name]?.refused === undefined);
      const args = ["validate", ...names.map(pathOf), "--json", "--dialect", dialect];
      const { status, stdout } = await edgebatch(args);
      assert.equal(status, 1);
      const lines = stdout.trimEnd().split("\n");
      assert.equal(lines.length, names.length);
      for (const [i, name] of names.entries()) {
        const expected = table[name] as Expected;
        const { requests, unpacked } = expected;
        const found = JSON.parse(lines[i] as string);
        // The command line knows of empty files in either dialect.
        const ofFile = unpacked !== undefined ? [] : errorsOf(expected, requests === 0 ? "openai" : dialect);
        const errors = spread(ofFile);
        assert.equal(found.file, pathOf(name));
        assert.deepEqual(told(found.errors, errors), errors, name);
        const counts = [found.errorCount, found.requestCount];
        assert.deepEqual(counts, [errors.length, unpacked ?? requests], name);
      }
    }
    const refused = Object.entries(table).filter(([, { refused }]) => refused !== undefined);
    const args = ["validate", ...refused.map(([name]) => pathOf(name)), "--json"];
    const { status, stdout, stderr } = await edgebatch(args);
    assert.deepEqual([status, stdout], [2, ""]);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, refused.length, stderr);
    for (const [i, [name, { refused: what }]] of refused.entries()) {
      assert.ok(lines[i]?.includes(pathOf(name)));
      assert.match(lines[i] ?? "", what as RegExp);
    }
  });

  test("have an exit status each: 0 for a good one, 1 for one with errors, 2 for one that is something else", async () => {
    for (const [name, status] of [
      ["ok", 0],
      ["empty", 1],
      ["cp1252", 1],
      ["utf16le", 2],
    ] as const) {
      assert.equal((await edgebatch(["validate", pathOf(name), "--json"])).status, status, name);
    }
  });

  test("may hold a photo of 7 MB in a line where the limit allows it, and are told so where not", async () => {
    const photo = `data:image/jpeg;base64,${"Qk0/".repeat(7_000_000 / 3)}`;
    const lines = [line("a", photo.slice(0, 1_000)), line("b", photo), line("c", photo.slice(0, 2_000))];
    const bytes = Buffer.from(lines.join(""));
    const size = (lines[1] as string).length;
    const message = `This line has ${size} bytes, more than the maximum of 8388608.`;
    const tooLong = [{ code: "line_too_long", message, param: null, line: 2 }];
    for (const piece of [bytes.length, 65_537]) {
      for (const dialect of dialects) {
        const found = check(bytes, { endpoint: chat, dialect }, piece);
        assert.deepEqual([found.errors, found.requestCount], [tooLong, 3]);
        const limits = { maxLineBytes: 10_000_000 };
        const { errorCount, requestCount } = check(bytes, { endpoint: chat, dialect, limits }, piece);
        assert.deepEqual([errorCount, requestCount], [0, 3]);
      }
    }
    const path = join(folder(), "long.jsonl");
    writeFileSync(path, bytes);
    const { status, stdout } = await edgebatch(["validate", path]);
    assert.deepEqual([status, stdout], [1, `${path}:2: line_too_long: ${message}\n`]);
    const { status: allowed } = await edgebatch(["validate", path, "--max-line-bytes", "10000000"]);
    assert.equal(allowed, 0);
  });
});
