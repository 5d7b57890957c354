/** What a budget does to a run and to a submission: where it ends, what is said, and whether another start is the same run. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { suite } from "node:test";
import { edgebatch, folder, line, start } from "./command.ts";
import { OpenAIServer } from "./openai-server.ts";
import { ModelServer } from "./server.ts";

const at = folder();
const text = Array.from({ length: 10 }, (_, i) => line(`r${i}`, `text ${i}`)).join("");

async function job() {
  const server = new ModelServer();
  const url = await server.listen();
  const cwd = mkdtempSync(join(at, "b-"));
  writeFileSync(join(cwd, "in.jsonl"), text);
  return { server, cwd, args: ["run", "in.jsonl", "--url", url, "--concurrency", "1"] };
}

suite("--budget", () => {
  test("ends a run, which says what it left out, and retry runs that", async () => {
    const { server, cwd, args } = await job();
    const first = await edgebatch([...args, "--budget", "requests=3,total-tokens=100000"], { cwd });
    assert.equal(first.status, 1);
    assert.match(first.stderr, /^cancelled: 10 requests: 3 completed, 0 failed/m);
    assert.match(first.stderr, /^the budget is used up: 7 requests did not run/m);
    assert.equal(server.total, 3);
    const errors = readFileSync(join(cwd, "in.errors.jsonl"), "utf8").trim().split("\n");
    assert.equal(errors.length, 7);
    assert.ok(errors.every((line) => JSON.parse(line).error.code === "budget_exceeded"));
    const files = ["--output", "in.output.jsonl", "--errors", "in.errors.jsonl"];
    const again = await edgebatch(["retry", "in.jsonl", ...files, "--only", "expired"], { cwd });
    assert.equal(again.status, 0, again.stderr);
    assert.equal(readFileSync(join(cwd, "in.retry.jsonl"), "utf8").trim().split("\n").length, 7);
  });

  test("counts what --dedupe does not ask again as nothing, and the order beside them is kept", async () => {
    const { server, cwd, args } = await job();
    writeFileSync(
      join(cwd, "in.jsonl"),
      Array.from({ length: 10 }, (_, i) => line(`r${i}`, `text ${i % 2}`)).join(""),
    );
    const all = ["--budget", "requests=5", "--dedupe", "--order", "prefix", "--json"];
    const { status, stdout, stderr } = await edgebatch([...args, ...all], { cwd });
    assert.equal(status, 0, stderr);
    assert.equal(server.total, 2);
    const { budget, dedupe, deduped, order } = JSON.parse(stdout).edgebatch;
    assert.deepEqual([budget.used.requests, dedupe, deduped.requests, order], [2, true, 8, "prefix"]);
  });

  test("is counted in money by --prices, and refused without", async () => {
    const { server, cwd, args } = await job();
    const unpriced = await edgebatch([...args, "--budget", "cost=1"], { cwd });
    assert.equal(unpriced.status, 2);
    assert.match(unpriced.stderr, /no prices are set/);
    assert.equal(server.total, 0);
    // It reports no tokens: they are counted by bytes, some dozens for each request.
    const priced = ["--prices", "other=0/0,*=100000/100000", "--budget", "cost=12", "--json"];
    const { status, stdout } = await edgebatch([...args, ...priced], { cwd });
    assert.equal(status, 1);
    const { budget, ended_by } = JSON.parse(stdout).edgebatch;
    assert.deepEqual([budget.cost, ended_by], [12, "budget"]);
    assert.ok(budget.used.cost > 6 && budget.used.cost <= 18, `${budget.used.cost}`);
  });

  test("is part of what a run is: the same one resumes it, another is refused", async () => {
    const { server, cwd, args } = await job();
    server.latencyMs = 100;
    const capped = [...args, "--budget", "requests=5"];
    const { child, ended } = start(capped, { cwd });
    await server.reached(3);
    child.kill("SIGINT");
    assert.equal((await ended).status, 130);
    server.latencyMs = 0;
    for (const other of [args, [...args, "--budget", "requests=6"]]) {
      const { status, stderr } = await edgebatch(other, { cwd });
      assert.equal(status, 2);
      assert.match(stderr, /with another budget: --budget requests=5 resumes it/);
    }
    const { status, stderr } = await edgebatch(capped, { cwd });
    assert.equal(status, 1);
    assert.match(stderr, /10 requests: 5 completed/);
    assert.equal(server.calls.size, 5);
  });

  test("of a submission to a server that has none makes no batch, or ends it at once", async () => {
    const server = new OpenAIServer();
    const env = { OPENAI_BASE_URL: await server.listen(), OPENAI_API_KEY: server.key };
    const cwd = mkdtempSync(join(at, "b-"));
    writeFileSync(join(cwd, "in.jsonl"), text);
    const submit = () => edgebatch(["submit", "in.jsonl", "--budget", "requests=5"], { cwd, env });
    const refused = await submit();
    assert.deepEqual([refused.status, refused.stdout, server.batches.length], [2, "", 0]);
    assert.match(refused.stderr, /knows no --budget, --priority, --dedupe, --split or --order/);
    server.ignoresUnknown = true;
    const ignored = await submit();
    assert.deepEqual([ignored.status, ignored.stdout], [2, ""]);
    assert.match(ignored.stderr, /has no budgets: .* which was cancelled at once/);
    assert.equal(server.batches[0]?.status, "cancelling");
  });

  test("must be caps, and prices must be prices", async () => {
    const { server, cwd, args } = await job();
    for (const [option, value] of [
      ["--budget", "tokens=5"],
      ["--budget", "requests=0"],
      ["--budget", "requests=1.5"],
      ["--budget", "5"],
      ["--prices", "gpt-4o=2.5"],
      ["--prices", "gpt-4o=2.5/-1"],
    ] as const) {
      const { status, stderr } = await edgebatch([...args, option, value], { cwd });
      assert.equal(status, 2);
      assert.match(stderr, /It must be (caps|prices)/);
    }
    for (const value of ["11", "1.5", "high"]) {
      const { status, stderr } = await edgebatch(["submit", "in.jsonl", "--priority", value], { cwd });
      assert.equal(status, 2);
      assert.match(stderr, /It must be a whole number from -10 to 10/);
    }
    assert.equal(server.total, 0);
  });
});
