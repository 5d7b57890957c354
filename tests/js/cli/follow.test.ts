import assert from "node:assert/strict";
import test, { suite } from "node:test";
import { edgebatch, folder, start } from "./command.ts";
import { OpenAIServer } from "./openai-server.ts";
import { onTerminal } from "./terminal.ts";

const at = folder();

async function job() {
  const server = new OpenAIServer();
  const env = { EDGEBATCH_URL: await server.listen(), EDGEBATCH_KEY: server.key };
  return { server, env, run: (...args: string[]) => edgebatch(args, { cwd: at, env }) };
}

function counts(total: number, completed: number, failed = 0) {
  return { request_counts: { total, completed, failed } };
}

suite("edgebatch watch", () => {
  test("ends as the batch ends, and says how", async () => {
    for (const [end, expected] of [
      ["completed", 0],
      ["failed", 1],
      ["expired", 1],
      ["cancelled", 1],
    ] as const) {
      const { server, run } = await job();
      const batch = server.addBatch();
      const watching = run("watch", batch.id);
      await server.saw(`GET /batches/${batch.id}`, 2);
      const error = { code: "invalid_json_line", message: "No.", param: null, line: 7 };
      Object.assign(batch, { status: end, output_file_id: "file-out", ...counts(3, 2, 1) });
      if (end === "failed") Object.assign(batch, { errors: { object: "list", data: [error] } });
      const { status, stdout, stderr } = await watching;
      assert.deepEqual([status, stdout], [expected, ""], stderr);
      assert.match(stderr, new RegExp(`^${end}: 3 requests: 2 completed, 1 failed`, "m"));
      assert.match(stderr, new RegExp(`^its files: edgebatch results ${batch.id}$`, "m"));
      assert.equal(/^[^ ]+:7: invalid_json_line: No\.$/m.test(stderr), end === "failed");
    }
  });

  test("outlives a server that goes away and comes back", async () => {
    const { server, env } = await job();
    const batch = server.addBatch();
    const { child, ended } = start(["watch", batch.id], { env });
    await server.saw(`GET /batches/${batch.id}`, 2);
    await server.close();
    await new Promise<void>((resolve) => {
      child.stderr?.on("data", (text: string) => text.includes("trying again") && resolve());
    });
    batch.status = "completed";
    await server.listen();
    const { status, stderr } = await ended;
    assert.equal(status, 0, stderr);
    assert.match(
      stderr,
      /^edgebatch: nothing listens at .*; trying again\nedgebatch: the server is back after /m,
    );
  });

  test("says so where a server shows no lines before the end", async () => {
    const { server, run } = await job();
    const batch = server.addBatch();
    const { status, stderr } = await run("watch", batch.id, "--lines");
    assert.equal(status, 2);
    assert.match(stderr, /shows no results of batch_\S+ before it has ended: leave out --lines$/m);
  });

  test("gives up on a server that stays away", async () => {
    const { server, run } = await job();
    const batch = server.addBatch();
    server.mishap = (call) =>
      server.count(call) > 1 ? { status: 502, body: "<h1>Bad Gateway</h1>" } : undefined;
    const { status, stderr } = await run("watch", batch.id, "--patience", "1");
    assert.equal(status, 2);
    assert.match(stderr, /^edgebatch: the server answers 502 \(Bad Gateway\) to GET http/m);
  });

  test("draws a bar, and leaves the batch alone at Ctrl-C", async () => {
    const { server, env } = await job();
    const batch = server.addBatch(counts(50, 20, 1));
    const terminal = onTerminal(["watch", batch.id], { cwd: at, env, columns: 100 });
    await terminal.shows(/^running [█░]{12,24} +42 % +21 of 50 done, 1 failed/);
    terminal.press("\u0003");
    const { status, screen } = await terminal.ended;
    assert.equal(status, 130);
    assert.deepEqual(screen.slice(-4), [
      `edgebatch: ${batch.id} goes on at the server. To see it again, or to end it:`,
      `  edgebatch watch ${batch.id}`,
      `  edgebatch cancel ${batch.id}`,
      "",
    ]);
    assert.equal(server.calls.filter((call) => call.startsWith("POST")).length, 0);
  });

  test("can be interrupted while the server is away", async () => {
    const { server, env } = await job();
    const batch = server.addBatch();
    const { child, ended } = start(["watch", batch.id], { env });
    await server.saw(`GET /batches/${batch.id}`, 2);
    server.mishap = () => "break";
    await server.saw(`GET /batches/${batch.id}`, 4);
    child.kill("SIGINT");
    const { status, stderr } = await ended;
    assert.equal(status, 130);
    assert.match(stderr, /goes on at the server/);
  });

  test("says what a batch waits for", async () => {
    const { server, run } = await job();
    const now = Math.floor(Date.now() / 1_000);
    const waiting = { reason: "refused", status: 401, message: "Bad key", since: now, until: now + 60 };
    const batch = server.addBatch({ edgebatch: { waiting } });
    const watching = run("watch", batch.id);
    await server.saw(`GET /batches/${batch.id}`, 2);
    assert.match((await run("status", batch.id)).stdout, /^ {2}waiting {3}until [\d:]+ \(401 Bad key\)$/m);
    batch.status = "completed";
    assert.match((await watching).stderr, /^edgebatch: waiting until [\d:]+ \(401 Bad key\)$/m);
  });
});

suite("edgebatch status and cancel", () => {
  test("show what there is of a batch, its errors by line", async () => {
    const { server, run } = await job();
    const input = server.addFile("x".repeat(2_000), "questions.jsonl", "batch");
    const data = [{ code: "missing_required_parameter", message: "No model.", param: "body.model", line: 3 }];
    const batch = server.addBatch({
      ...{ status: "failed", input_file_id: input, errors: { object: "list", data }, request_counts: null },
      ...{ failed_at: Math.floor(Date.now() / 1_000), metadata: { project: "x\u001b[31m" } },
    });
    const { status, stdout } = await run("status", batch.id);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^${batch.id}\n {2}status {4}failed\n`));
    assert.match(stdout, new RegExp(`^ {2}input {5}questions.jsonl \\(${input}, 2.0 kB\\)$`, "m"));
    assert.match(stdout, /^questions\.jsonl:3: missing_required_parameter: No model\. \(body\.model\)$/m);
    assert.match(stdout, /^ {2}metadata {2}project=x\\u001b\[31m$/m);
    assert.deepEqual(JSON.parse((await run("status", batch.id, "--json")).stdout), batch);
  });

  test("take the beginning of an id, if no other begins so", async () => {
    const { server, run } = await job();
    const one = server.addBatch({ id: "batch_aaa111" });
    server.addBatch({ id: "batch_aab222" });
    for (const id of ["batch_aaa", "aaa"]) {
      assert.match((await run("status", id)).stdout, new RegExp(`^${one.id}\n`));
    }
    const { status, stderr } = await run("cancel", "batch_aa");
    assert.equal(status, 2);
    assert.match(stderr, /is the beginning of several batches: batch_aab222, batch_aaa111/);
    assert.match((await run("cancel", "batch_b")).stderr, /has no batch batch_b: edgebatch list/);
    assert.equal(one.status, "in_progress");
  });

  test("cancel ends a batch, and says so of one that has ended", async () => {
    const { server, run } = await job();
    const batch = server.addBatch();
    const first = await run("cancel", batch.id);
    assert.equal(first.status, 0, first.stderr);
    assert.equal(batch.status, "cancelling");
    assert.match(first.stderr, /cancelling: 3 requests: 1 completed/);
    batch.status = "completed";
    const { status, stderr } = await run("cancel", batch.id);
    assert.equal(status, 1);
    assert.match(stderr, /has already ended, completed: /);
  });
});

suite("edgebatch list", () => {
  test("is a table, newest first", async () => {
    const { server, run } = await job();
    const input = server.addFile("x", "old.jsonl", "batch");
    const old = server.addBatch({ status: "completed", input_file_id: input, ...counts(50_000, 49_990, 10) });
    const fresh = server.addBatch({ status: "validating", request_counts: null });
    const { status, stdout } = await run("list");
    assert.equal(status, 0);
    assert.deepEqual(
      stdout.split("\n").map((shown) => shown.replace(/1 min|10\d s/, "AGE")),
      [
        `id${" ".repeat(30)}status               done  failed    age  file`,
        `${fresh.id}  validating                         AGE  file-in`,
        `${old.id}  completed   50,000/50,000      10  AGE  old.jsonl`,
        "",
      ],
    );
  });

  test("gives as many as are asked for, of one status if one is", async () => {
    const { server, run } = await job();
    for (let i = 0; i < 250; i++) server.addBatch({ status: i % 125 === 0 ? "failed" : "completed" });
    const ids = async (...args: string[]) =>
      (await run("list", "--json", ...args)).stdout
        .split("\n")
        .filter(Boolean)
        .map((text) => JSON.parse(text).id);
    const all = server.batches.map(({ id }) => id);
    assert.deepEqual(await ids(), all.slice(0, 20));
    assert.deepEqual(await ids("--limit", "230"), all.slice(0, 230));
    const failed = server.batches.filter((batch) => batch.status === "failed").map(({ id }) => id);
    assert.deepEqual(await ids("--status", "failed"), failed);
    assert.match((await run("list", "--status", "expired")).stderr, /has no batch that is expired$/m);
  });
});
