/** `edgebatch verify` against `edgebatch serve`: files that are a batch's, and files that are not. */

import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { edgebatch, folder, line } from "../cli/command.ts";
import { OpenAIServer } from "../cli/openai-server.ts";
import { serving, stateFolder } from "./serving.ts";

const at = folder();

/** A batch that has ended, with its files in a folder. */
async function job() {
  const cwd = mkdtempSync(join(at, "v-"));
  writeFileSync(join(cwd, "in.jsonl"), Array.from({ length: 20 }, (_, i) => line(`r${i}`)).join(""));
  const server = await serving(["--data", stateFolder()]);
  const env = { EDGEBATCH_URL: `${server.url}/v1` };
  const run = (...args: string[]) => edgebatch(args, { cwd, env });
  const id = (await run("submit", "in.jsonl", "--wait", "--quiet")).stdout.trim();
  assert.equal((await run("results", id)).status, 0);
  const manifest = await (await fetch(`${server.url}/v1/batches/${id}/manifest`)).text();
  writeFileSync(join(cwd, "manifest.json"), manifest);
  return { cwd, id, run, output: `${id}.output.jsonl` };
}

suite("edgebatch verify", () => {
  test("tells which of a batch's files each is, packed or not, by the server or a manifest", async () => {
    const { cwd, id, run, output } = await job();
    writeFileSync(join(cwd, "in.jsonl.gz"), gzipSync(readFileSync(join(cwd, "in.jsonl"))));
    for (const by of [id, id.slice(0, 20), "manifest.json"]) {
      const { status, stdout, stderr } = await run("verify", by, "in.jsonl", "in.jsonl.gz", output);
      assert.equal(status, 0, stderr);
      const told = (file: string, role: string) =>
        new RegExp(`^${file}: is the ${role} of ${id} \\(20 lines, .*\\)$`, "m");
      assert.match(stdout, told("in.jsonl", "input"));
      assert.match(stdout, told("in.jsonl.gz", "input"));
      assert.match(stdout, told(output, "output"));
      assert.equal(stderr, "");
    }
    const some = await run("verify", id, output);
    assert.deepEqual([some.status, some.stderr], [0, "not compared: input\n"]);
  });

  test("without files compares those that the server has", async () => {
    const { id, run } = await job();
    const { status, stdout } = await run("verify", id, "--json");
    assert.equal(status, 0);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((row) => JSON.parse(row));
    assert.deepEqual(
      rows.map(({ role, lines }) => [role, lines]),
      [
        ["input", 20],
        ["output", 20],
      ],
    );
    for (const { file, sha256 } of rows) {
      assert.match(file, /^file-/);
      assert.match(sha256, /^[0-9a-f]{64}$/);
    }
  });

  test("ends with 1 for a file that is another by one byte, and says what was expected", async () => {
    const { cwd, run, output } = await job();
    const bytes = readFileSync(join(cwd, output));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(join(cwd, "changed.jsonl"), bytes);
    writeFileSync(join(cwd, "short.jsonl"), bytes.subarray(0, 100));
    const { status, stdout, stderr } = await run(
      "verify",
      "manifest.json",
      "in.jsonl",
      "changed.jsonl",
      "short.jsonl",
    );
    assert.equal(status, 1);
    assert.match(stdout, /^in\.jsonl: is the input/m);
    assert.match(stdout, /^changed\.jsonl: is none of the files of batch_\w+ \(20 lines, /m);
    assert.match(stdout, /^short\.jsonl: is none of the files of batch_\w+ \(1 line, 100 B\)$/m);
    assert.match(stderr, /^output: 20 lines, .*, sha256 [0-9a-f]{64}$/m);
    assert.match(stderr, /^error: none$/m);
  });

  test("ends with 2 where there is nothing to compare with", async () => {
    const { cwd, run } = await job();
    writeFileSync(join(cwd, "other.json"), '{"object":"batch"}');
    for (const [by, why] of [
      ["other.json", /other\.json is no manifest of a batch/],
      ["missing.json", /missing\.json: no such file/],
      ["batch_none", /has no batch batch_none/],
    ] as const) {
      const { status, stderr } = await run("verify", by, "in.jsonl");
      assert.equal(status, 2, stderr);
      assert.match(stderr, why);
    }
    assert.match((await run("verify", "manifest.json", "none.jsonl")).stderr, /none\.jsonl: no such file/);
    const other = new OpenAIServer();
    const env = { EDGEBATCH_URL: await other.listen(), EDGEBATCH_KEY: other.key };
    const { id } = other.addBatch({ status: "completed" });
    const { status, stderr } = await edgebatch(["verify", id, "in.jsonl"], { cwd, env });
    assert.equal(status, 2);
    assert.match(stderr, /it is edgebatch serve and its Worker that make manifests/);
  });
});
