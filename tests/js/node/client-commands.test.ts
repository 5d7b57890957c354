/** The client commands against `edgebatch serve`, as a person has both. */

import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { edgebatch, folder, line, start } from "../cli/command.ts";
import { serving, stateFolder } from "./serving.ts";

const at = folder();

function job(requests: number) {
  const cwd = mkdtempSync(join(at, "c-"));
  writeFileSync(join(cwd, "in.jsonl"), Array.from({ length: requests }, (_, i) => line(`r${i}`)).join(""));
  return cwd;
}

suite("the client commands and serve", () => {
  test("take a file there and its answers back", async () => {
    const server = await serving(["--data", stateFolder()]);
    const env = { EDGEBATCH_URL: `${server.url}/v1` };
    const cwd = job(50);
    const run = (...args: string[]) => edgebatch(args, { cwd, env });
    const submitted = await run("submit", "in.jsonl", "--metadata", "project=x");
    assert.equal(submitted.status, 0, submitted.stderr);
    const id = submitted.stdout.trim();
    const got = await run("results", id, "--wait");
    assert.equal(got.status, 0, got.stderr);
    const lines = readFileSync(join(cwd, `${id}.output.jsonl`), "utf8")
      .trimEnd()
      .split("\n");
    assert.deepEqual(
      lines.map((text) => JSON.parse(text).custom_id),
      Array.from({ length: 50 }, (_, i) => `r${i}`),
    );
    assert.match(
      (await run("list")).stdout,
      new RegExp(`^${id} +completed +50/50 .*echo-1 +in\\.jsonl$`, "m"),
    );
    assert.match((await run("status", id)).stdout, /^ {2}metadata {2}project=x$/m);
    const { status, stdout } = await run("doctor");
    assert.equal(status, 0, stdout);
  });

  test("submit --dedupe asks once what is the same, and status says how many that were", async () => {
    const server = await serving(["--data", stateFolder()]);
    const env = { EDGEBATCH_URL: `${server.url}/v1` };
    const cwd = job(50);
    const { status, stdout, stderr } = await edgebatch(["submit", "in.jsonl", "--dedupe", "--wait"], {
      cwd,
      env,
    });
    assert.equal(status, 0, stderr);
    const said = (await edgebatch(["status", stdout.trim()], { cwd, env })).stdout;
    assert.match(said, /^ {2}requests {2}50 of 50 done/m);
    assert.match(said, /^ {2}deduped {3}49 answered as the request that they repeat$/m);
  });

  test("submit --split has more requests than a file may have run as one batch, and status says of how many files", async () => {
    const server = await serving(["--data", stateFolder(), "--max-requests", "20"]);
    const env = { EDGEBATCH_URL: `${server.url}/v1` };
    const cwd = job(50);
    const refused = await edgebatch(["submit", "in.jsonl", "--wait"], { cwd, env });
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /too_many_tasks: .* maximum allowed value of 20\./);
    const { status, stdout, stderr } = await edgebatch(["submit", "in.jsonl", "--split", "--wait"], {
      cwd,
      env,
    });
    assert.equal(status, 0, stderr);
    const said = (await edgebatch(["status", stdout.trim()], { cwd, env })).stdout;
    assert.match(said, /^ {2}requests {2}50 of 50 done/m);
    assert.match(said, /^ {2}parts {5}3$/m);
  });

  test("watch prints each line once as it comes, and goes on from where another has stopped", async () => {
    const server = await serving(["--data", stateFolder(), "--latency", "10", "--concurrency", "2"]);
    const env = { EDGEBATCH_URL: `${server.url}/v1` };
    const cwd = job(300);
    const id = (await edgebatch(["submit", "in.jsonl"], { cwd, env })).stdout.trim();
    const first = start(["watch", id, "--lines"], { cwd, env });
    await new Promise<void>((resolve) => first.child.stdout?.once("data", () => resolve()));
    first.child.kill("SIGINT");
    const { status, stdout, stderr } = await first.ended;
    assert.equal(status, 130, stderr);
    const [, place = ""] = /^ {2}edgebatch watch \S+ --lines --after (c\d+)$/m.exec(stderr) ?? [];
    const second = await edgebatch(["watch", id, "--after", place], { cwd, env });
    assert.equal(second.status, 0, second.stderr);
    const lines = `${stdout}${second.stdout}`.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((text) => JSON.parse(text).custom_id).sort(),
      Array.from({ length: 300 }, (_, i) => `r${i}`).sort(),
    );
    const over = await edgebatch(["watch", id, "--after", "x"], { cwd, env });
    assert.equal(over.status, 2);
    assert.match(over.stderr, /Invalid 'after': 'x'/);
  });

  test("pause a batch and let it go on", async () => {
    const server = await serving(["--data", stateFolder(), "--latency", "20", "--concurrency", "2"]);
    const env = { EDGEBATCH_URL: `${server.url}/v1` };
    const cwd = job(300);
    const run = (...args: string[]) => edgebatch(args, { cwd, env });
    const id = (await run("submit", "in.jsonl")).stdout.trim();
    const paused = await run("pause", id);
    assert.equal(paused.status, 0, paused.stderr);
    assert.match(paused.stderr, new RegExp(`^to go on: edgebatch resume ${id}$`, "m"));
    assert.match((await run("status", id)).stdout, /^ {2}paused {2}/m);
    assert.equal((await run("resume", id)).status, 0);
    assert.equal((await run("watch", id)).status, 0);
    const over = await run("pause", id);
    assert.deepEqual(
      [over.status, over.stderr],
      [1, `edgebatch: ${id} is completed: there is nothing to pause\n`],
    );
  });

  test("watch a batch while the server is killed and started again, and cancel it", async () => {
    const data = stateFolder();
    const args = ["--data", data, "--latency", "100", "--concurrency", "1"];
    const server = await serving(args);
    const port = new URL(server.url).port;
    const env = { EDGEBATCH_URL: `${server.url}/v1` };
    const cwd = job(2_000);
    const id = (await edgebatch(["submit", "in.jsonl"], { cwd, env })).stdout.trim();
    const { child, ended } = start(["watch", id], { cwd, env });
    const away = new Promise<void>((resolve) => {
      child.stderr?.on("data", (text: string) => text.includes("trying again") && resolve());
    });
    let said = "";
    child.stderr?.on("data", (text: string) => {
      said += text;
    });
    while (!said.includes("running")) await new Promise((resolve) => setTimeout(resolve, 10));
    await server.end("SIGKILL");
    await away;
    await serving([...args, "--port", port]);
    const cancelled = await edgebatch(["cancel", id.slice(0, 20), "--patience", "60"], { cwd, env });
    assert.equal(cancelled.status, 0, cancelled.stderr);
    const { status, stderr } = await ended;
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^edgebatch: the server is back after /m);
    assert.match(stderr, /^cancelled: 2,000 requests: /m);
  });
});
