import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { edgebatch, folder } from "./command.ts";
import { OpenAIServer } from "./openai-server.ts";

const at = folder();
const answers = Array.from({ length: 5_000 }, (_, i) => `{"custom_id":"r${i}","response":{}}\n`).join("");
const failures = '{"custom_id":"x","response":{"status_code":400,"body":{"error":{"code":"too_long"}}}}\n';

async function job(more: Record<string, unknown> = {}) {
  const cwd = mkdtempSync(join(at, "r-"));
  const server = new OpenAIServer();
  const env = { EDGEBATCH_URL: await server.listen(), EDGEBATCH_KEY: server.key };
  const output = server.addFile(answers);
  const batch = server.addBatch({
    ...{ status: "completed", output_file_id: output, error_file_id: server.addFile(failures) },
    ...{ request_counts: { total: 5_001, completed: 5_000, failed: 1 }, ...more },
  });
  return {
    ...{ server, batch, cwd, content: `GET /files/${output}/content` },
    read: (kind: string) => readFileSync(join(cwd, `${batch.id}.${kind}.jsonl`), "utf8"),
    results: (...args: string[]) => edgebatch(["results", batch.id, ...args], { cwd, env }),
  };
}

suite("edgebatch results", () => {
  test("leaves both files, called by the batch, and nothing else", async () => {
    const { cwd, batch, read, results } = await job();
    const { status, stdout, stderr } = await results();
    assert.deepEqual([status, stdout], [0, ""], stderr);
    assert.deepEqual([read("output"), read("errors")], [answers, failures]);
    assert.deepEqual(readdirSync(cwd).sort(), [`${batch.id}.errors.jsonl`, `${batch.id}.output.jsonl`]);
    assert.match(stderr, /^completed: 5,001 requests: 5,000 completed, 1 failed/m);
    assert.match(stderr, /^failed: 1 x 400 too_long$/m);
    assert.match(stderr, /^wrote \S+\.output\.jsonl$/m);
    assert.equal((await results()).status, 0, "the same files once more are no fault");
    assert.equal((await results("--fail-on-error")).status, 1);
  });

  test("goes on where a connection broke", async () => {
    for (const hasRanges of [true, false]) {
      const { server, read, results, content } = await job();
      server.cutAfter = 70_000;
      server.hasRanges = hasRanges;
      const { status, stderr } = await results();
      assert.equal(status, 0, stderr);
      assert.equal(read("output"), answers);
      assert.equal(server.count(content), 2);
    }
  });

  test("goes on where an earlier process broke off", async () => {
    const { server, cwd, batch, read, results, content } = await job();
    server.cutAfter = 70_000;
    server.mishap = (call) => (call === content && server.count(call) > 1 ? "break" : undefined);
    const { status, stderr } = await results("--patience", "1");
    assert.equal(status, 2);
    assert.match(stderr, /the same command goes on where it broke/);
    const [part] = readdirSync(cwd);
    assert.match(part as string, /\.part$/);
    assert.ok(readFileSync(join(cwd, part as string)).length > 0);
    // What is there is taken as it is: the server is asked for the rest alone.
    const there = readFileSync(join(cwd, part as string), "utf8");
    writeFileSync(join(cwd, part as string), there.replaceAll("r", "R"));
    server.mishap = () => undefined;
    assert.equal((await results()).status, 0);
    assert.deepEqual(server.ranges.at(-1), there.length);
    assert.equal(read("output"), there.replaceAll("r", "R") + answers.slice(there.length));
    assert.deepEqual(readdirSync(cwd).sort(), [`${batch.id}.errors.jsonl`, `${batch.id}.output.jsonl`]);
  });

  test("writes into standard output, broken connection or not", async () => {
    for (const hasRanges of [true, false]) {
      const { server, results } = await job();
      server.cutAfter = 70_000;
      server.hasRanges = hasRanges;
      const { status, stdout, stderr } = await results("--out", "-", "--errors", "/dev/null");
      assert.equal(status, 0, stderr);
      assert.equal(stdout, answers);
    }
  });

  test("replaces no file that is another, unless it is told to", async () => {
    const { cwd, batch, read, results } = await job();
    writeFileSync(join(cwd, `${batch.id}.output.jsonl`), "mine\n");
    const { status, stderr } = await results();
    assert.equal(status, 2);
    assert.match(stderr, /exists; --force replaces it/);
    assert.equal(read("output"), "mine\n");
    assert.equal((await results("--force")).status, 0);
    assert.equal(read("output"), answers);
  });

  test("has nothing of a batch that has not ended, and waits for its end if asked to", async () => {
    const { server, batch, read, results } = await job({ status: "in_progress" });
    const { status, stderr } = await results();
    assert.equal(status, 2);
    assert.match(
      stderr,
      /has not ended: it is in_progress, with 5001 of 5001 requests done\. --wait waits for it/,
    );
    const waiting = results("--wait");
    await server.saw(`GET /batches/${batch.id}`, 3);
    batch.status = "completed";
    assert.equal((await waiting).status, 0);
    assert.equal(read("output"), answers);
  });

  test("has what a batch has that ended early, and says so by its exit status", async () => {
    const { read, results } = await job({ status: "cancelled", error_file_id: null });
    const { status, stderr } = await results();
    assert.equal(status, 1);
    assert.match(stderr, /^cancelled: /m);
    assert.equal(read("output"), answers);
  });

  test("calls the input of a failed batch by its name", async () => {
    const data = [{ code: "invalid_json_line", message: "No JSON.", param: null, line: 7 }];
    const ended = { status: "failed", output_file_id: null, error_file_id: null };
    const { server, batch, results } = await job({ ...ended, errors: { object: "list", data } });
    batch.input_file_id = server.addFile("x", "questions.jsonl");
    const { status, stderr } = await results();
    assert.equal(status, 1);
    assert.match(stderr, /^questions\.jsonl:7: invalid_json_line: No JSON\.$/m);
  });

  test("takes no path out of what a server says", async () => {
    const { server, cwd, batch } = await job();
    batch.id = "../../escaped";
    batch.output_file_id = "../file";
    server.files.set("../file", { filename: "x", bytes: Buffer.from(answers), purpose: "batch_output" });
    const env = { EDGEBATCH_URL: server.url, EDGEBATCH_KEY: server.key };
    const { status, stderr } = await edgebatch(["results", "../../escaped", "--quiet"], { cwd, env });
    assert.equal(status, 0, stderr);
    const names = ["______escaped.errors.jsonl", "______escaped.output.jsonl"];
    assert.deepEqual(readdirSync(cwd).sort(), names);
  });

  test("prints the batch with its files as JSON", async () => {
    const { batch, cwd, results } = await job({ error_file_id: null });
    const { stdout } = await results("--json");
    const { id, files } = JSON.parse(stdout);
    assert.equal(id, batch.id);
    assert.deepEqual(files, { output: join(cwd, `${batch.id}.output.jsonl`), errors: null });
  });
});
