/** The package as npm would publish it, installed where nothing else is. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "edgebatch-packed-"));
  const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const described: unknown = JSON.parse(packed);
  const [{ filename }] = (Array.isArray(described) ? described : Object.values(described as object)) as [
    { filename: string },
  ];
  const installed = join(folder, "node_modules", "edgebatch");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, filename), "-C", installed, "--strip-components=1"]);
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }');
});
after(() => rmSync(folder, { recursive: true, force: true }));

const program = `
import { Batches, MemoryFiles, MemoryKV, echoInference, echoModels, type Batch } from "edgebatch";
import { kvContract } from "edgebatch/contract";

const files = new MemoryFiles();
const body = { model: "echo-1", messages: [{ role: "user", content: "hello" }] };
const request = { custom_id: "a", method: "POST", url: "/v1/chat/completions", body };
const input = await files.add("in.jsonl", JSON.stringify(request));
const batches = new Batches({ kv: new MemoryKV(), files, inference: echoInference(), models: echoModels });
const created: Batch = await batches.create({
  input_file_id: input.id,
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
});
const done = await batches.wait(created.id);
await batches.stop();
console.log(done.status, done.request_counts.completed, kvContract(async () => ({ kv: new MemoryKV() })).length > 10);
`;

suite("the packed package", () => {
  test("runs a batch in Node, with nothing installed beside it", () => {
    writeFileSync(join(folder, "main.ts"), program);
    const printed = execFileSync(process.execPath, ["main.ts"], { cwd: folder, encoding: "utf8" });
    assert.equal(printed, "completed 1 true\n");
  });

  test("has types that a strict program compiles against", () => {
    writeFileSync(join(folder, "main.ts"), program);
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2024",
      "--lib",
      "es2024,dom",
    ];
    const tsc = join(root, "node_modules", ".bin", "tsc");
    execFileSync(process.execPath, [tsc, ...options, "main.ts"], { cwd: folder, encoding: "utf8" });
  });
});
