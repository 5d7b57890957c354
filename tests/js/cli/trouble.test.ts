/** What may go wrong around a run: servers that are down, files that are there already, crashes at the end. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import test, { suite } from "node:test";
import { defaultFolder, State } from "../../../js/cli/state.ts";
import { edgebatch, folder, line, start } from "./command.ts";
import { ModelServer } from "./server.ts";

const at = folder();
let folders = 0;

function job(requests: number) {
  const cwd = join(at, String(folders++));
  mkdirSync(cwd);
  const input = join(cwd, "in.jsonl");
  writeFileSync(input, Array.from({ length: requests }, (_, i) => line(`r${i}`, `text ${i}`)).join(""));
  return { cwd, input, output: join(cwd, "in.output.jsonl"), errors: join(cwd, "in.errors.jsonl") };
}

/** A port where nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

suite("a run in trouble", { concurrency: 4 }, () => {
  test("stops when the server is unreachable, has failed no request, and goes on once it is there", async () => {
    const port = await freePort();
    const { cwd, output, errors } = job(40);
    const args = ["run", "in.jsonl", "--url", `http://127.0.0.1:${port}`, "--patience", "1"];
    const down = await edgebatch(args, { cwd });
    assert.equal(down.status, 2, down.stderr);
    assert.match(down.stderr, /no answer: .*(ECONNREFUSED|Connection refused)/);
    assert.match(down.stderr, /the server is unreachable: .*\n.*with 0 of 40 requests done/);
    const server = new ModelServer();
    await server.listen(port);
    const up = await edgebatch(args, { cwd });
    assert.equal(up.status, 0, up.stderr);
    assert.equal(readFileSync(output, "utf8").split("\n").length, 41);
    assert.equal(existsSync(errors), false, "no request failed");
  });

  test("of one request or of many stops alike when nobody is there, with the cause, and uses nothing up", async () => {
    for (const requests of [1, 3]) {
      const port = await freePort();
      const { cwd, errors } = job(requests);
      const args = ["run", "in.jsonl", "--url", `http://127.0.0.1:${port}`, "--patience", "6"];
      const down = await edgebatch(args, { cwd });
      assert.equal(down.status, 2, down.stderr);
      assert.match(down.stderr, /the server is unreachable: no answer: .*(ECONNREFUSED|Connection refused)/);
      const server = new ModelServer();
      await server.listen(port);
      assert.equal((await edgebatch(args, { cwd })).status, 0);
      assert.equal(existsSync(errors), false, "no request failed");
    }
  });

  test("waits for a server that answers with errors, says so, and fails no request", async () => {
    for (const status of [502, 503, 529]) {
      const server = new ModelServer();
      const url = await server.listen();
      const until = performance.now() + 4_000;
      server.reply = () => ({ status: performance.now() < until ? status : 200 });
      const { cwd, errors } = job(100);
      const { status: end, stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
      assert.equal(end, 0, stderr);
      assert.match(
        stderr,
        new RegExp(`the server answers ${status} \\(no\\); trying again\\n.*the server is back`, "s"),
      );
      assert.match(stderr, /100 completed, 0 failed/);
      assert.equal(existsSync(errors), false);
    }
  });

  test("stops with 2 when errors are all that the server answers, and keeps everything", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = () => ({ status: 503 });
    const { cwd, errors } = job(100);
    const args = ["run", "in.jsonl", "--url", url, "--patience", "2"];
    const down = await edgebatch(args, { cwd });
    assert.equal(down.status, 2, down.stderr);
    assert.match(down.stderr, /unreachable: the server answers 503 \(no\)\n.*stopped with 0 of 100/);
    server.reply = () => ({ status: 200 });
    assert.equal((await edgebatch(args, { cwd })).status, 0);
    assert.equal(existsSync(errors), false);
  });

  test("says for what it waits and until when", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = () => ({ status: 429, headers: { "retry-after": "86400" } });
    const { cwd } = job(20);
    const { child, ended } = start(["run", "in.jsonl", "--url", url], { cwd });
    await new Promise<void>((resolve) => {
      child.stderr?.on("data", (text: string) => text.includes("waiting") && resolve());
    });
    child.kill("SIGINT");
    const { status, stderr } = await ended;
    assert.equal(status, 130);
    // Shortly before midnight with the day.
    assert.match(stderr, /^edgebatch: waiting until (?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d \(429 no\)$/m);
  });

  test("stops with 3 when the quota is used up, which is told by 429 too", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = () => ({ status: 429, code: "insufficient_quota" });
    const { cwd } = job(20);
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
    assert.equal(status, 3, stderr);
    assert.match(stderr, /the quota is used up/);
  });

  test("goes on at refusals with --keep-trying", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = () => ({ status: server.total < 3 ? 401 : 200 });
    const { cwd, errors } = job(20);
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--url", url, "--keep-trying"], { cwd });
    assert.equal(status, 0, stderr);
    assert.equal(existsSync(errors), false);
  });

  test("takes server and key from the environment, where what is empty counts as unset", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    const { cwd } = job(1);
    const args = ["run", "in.jsonl", "--force"];
    const env = { EDGEBATCH_URL: "", OPENAI_BASE_URL: url, EDGEBATCH_KEY: " ", OPENAI_API_KEY: "sk-1" };
    assert.equal((await edgebatch(args, { cwd, env })).status, 0);
    assert.equal(server.headers.authorization, "Bearer sk-1");
    await edgebatch(args, { cwd, env: { ...env, EDGEBATCH_URL: url, OPENAI_API_KEY: "" } });
    assert.equal(server.headers.authorization, undefined);
    assert.equal(server.total, 2);
    const embedded = await edgebatch([...args, "--url", "echo-1"], { cwd, env });
    assert.match(embedded.stderr, /embedded model echo-1/);
  });

  test("refuses a key that no header can hold before anything is made", async () => {
    const { cwd } = job(1);
    const args = ["run", "in.jsonl", "--url", "http://localhost:1", "--key", "sk-…x"];
    const { status, stderr } = await edgebatch(args, { cwd });
    assert.equal(status, 2);
    assert.match(stderr, /no header may hold, at position 4 \(U\+2026\)/);
    assert.deepEqual(readdirSync(cwd), ["in.jsonl"]);
  });

  test("quits at once on the second Ctrl-C", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 600_000;
    const { cwd } = job(20);
    const { child, ended } = start(["run", "in.jsonl", "--url", url], { cwd });
    await server.reached(10);
    child.kill("SIGINT");
    await new Promise<void>((resolve) => {
      child.stderr?.on("data", (text: string) => text.includes("stopping") && resolve());
    });
    child.kill("SIGINT");
    const { status, stderr } = await ended;
    assert.equal(status, 130);
    assert.match(stderr, /stopping: 10 requests in flight may end/);
    assert.match(stderr, /quit at once/);
  });

  test("ends with 143 when it is terminated, and goes on afterwards", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 20;
    const { cwd } = job(60);
    const args = ["run", "in.jsonl", "--url", url];
    const { child, ended } = start(args, { cwd });
    await server.reached(15);
    child.kill("SIGTERM");
    assert.equal((await ended).status, 143);
    assert.equal((await edgebatch(args, { cwd })).status, 0);
    assert.equal(server.total, 60);
  });

  test("stops with 3 when the first answers are all refusals, and goes on with another key", async () => {
    for (const [status, hint] of [
      [401, /check the key/],
      [402, /payment is required/],
      [403, /check the key/],
      [404, /check --url and the model/],
      [405, /check --url and the model/],
    ] as const) {
      const server = new ModelServer();
      const url = await server.listen();
      server.reply = () => ({ status: server.headers.authorization === "Bearer good" ? 200 : status });
      const { cwd, output, errors } = job(30);
      const args = ["run", "in.jsonl", "--url", url];
      const refused = await edgebatch([...args, "--key", "bad"], { cwd });
      assert.equal(refused.status, 3, refused.stderr);
      assert.match(refused.stderr, new RegExp(`refuses everything: the server answers ${status} \\(no\\)`));
      assert.match(refused.stderr, hint);
      assert.match(refused.stderr, /stopped with 0 of 30 requests done/);
      assert.ok(server.total <= 20, `${server.total} calls`);
      const { status: end, stderr } = await edgebatch([...args, "--key", "good"], { cwd });
      assert.equal(end, 0, stderr);
      assert.equal(readFileSync(output, "utf8").split("\n").length, 31);
      assert.equal(existsSync(errors), false, "no line was used up");
    }
  });

  test("stops with 3 when everything is refused from some point on, and keeps what it has", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 5;
    let paid = 40;
    server.reply = () => ({ status: paid-- > 0 ? 200 : 402 });
    const { cwd, output, errors } = job(200);
    const args = ["run", "in.jsonl", "--url", url];
    assert.equal((await edgebatch(args, { cwd })).status, 3);
    assert.ok(server.total < 70, `${server.total} calls`);
    paid = 1_000;
    const { status, stderr } = await edgebatch(args, { cwd });
    assert.equal(status, 0, stderr);
    assert.equal(readFileSync(output, "utf8").split("\n").length, 201);
    assert.equal(existsSync(errors), false);
    assert.equal(new Set(server.calls.keys()).size, 200);
  });

  test("takes a refusal for the answer to its request while others are answered", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = (text) => ({ status: text.endsWith("7") ? 404 : 200 });
    const { cwd } = job(40);
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /36 completed, 4 failed/);
    assert.match(stderr, /failed: 4 x 404/);
  });

  test("ends the few requests that are refused, and they alone, where all others were answered", async () => {
    for (const [refused, lines, failed] of [
      [401, 5, 1],
      [401, 20, 2],
      [403, 20, 2],
    ] as const) {
      const server = new ModelServer();
      const url = await server.listen();
      server.reply = (text) => ({ status: text.endsWith("4") ? refused : 200 });
      const { cwd } = job(lines);
      const { status, stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
      assert.equal(status, 0, stderr);
      assert.match(stderr, new RegExp(`${lines - failed} completed, ${failed} failed`));
      assert.doesNotMatch(stderr, /refuses everything/);
    }
  });

  test("stops with 3 at a redirect to another server, before any line is used up, and names it", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = () => ({ status: 308, headers: { location: "https://elsewhere.test/v1/x" } });
    const { cwd } = job(30);
    const { status, stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
    assert.equal(status, 3, stderr);
    assert.match(stderr, /a redirect to https:\/\/elsewhere\.test\/v1\/x/);
    assert.match(stderr, /stopped with 0 of 30/);
  });

  test("prints the failed batch alone with --json", async () => {
    const { cwd, input } = job(1);
    writeFileSync(input, "{nonsense\n");
    const { status, stdout } = await edgebatch(["run", "in.jsonl", "--json"], { cwd });
    assert.equal(status, 1);
    const batch = JSON.parse(stdout);
    assert.deepEqual([batch.status, batch.errors.data[0].line], ["failed", 1]);
  });

  test("names the embedded model when the file asks for another", async () => {
    const { cwd, input } = job(1);
    writeFileSync(input, line("a", "hello", "gpt-4o"));
    const { status, stdout, stderr } = await edgebatch(["run", "in.jsonl"], { cwd });
    assert.equal(status, 1);
    assert.match(stdout, /:1: model_not_found: /);
    assert.match(stderr, /the embedded model is echo-1; --url names a server/);
  });

  test("never writes over its own input, forced or not", async () => {
    const { cwd, input } = job(2);
    const before = readFileSync(input, "utf8");
    for (const name of ["--out", "--errors"]) {
      const { status, stderr } = await edgebatch(["run", "in.jsonl", name, "in.jsonl", "--force"], { cwd });
      assert.equal(status, 2);
      assert.match(stderr, /is the input itself/);
    }
    assert.equal(readFileSync(input, "utf8"), before);
  });

  test("with --force leaves no file of an earlier run that could be taken for its own", async () => {
    const { cwd, errors } = job(2);
    writeFileSync(errors, "old");
    assert.equal((await edgebatch(["run", "in.jsonl", "--force"], { cwd })).status, 0);
    assert.equal(existsSync(errors), false);
  });

  test("makes no call when an output file has come up in the meantime", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 20;
    const { cwd, output } = job(60);
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "2"];
    const { child, ended } = start(args, { cwd });
    await server.reached(5);
    child.kill("SIGKILL");
    await ended;
    writeFileSync(output, "precious");
    const before = server.total;
    const refused = await edgebatch(args, { cwd });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /in\.output\.jsonl exists/);
    assert.equal(server.total, before);
    assert.equal((await edgebatch([...args, "--force"], { cwd })).status, 0);
    assert.notEqual(readFileSync(output, "utf8"), "precious");
  });

  test("calls an input changed even when its first line asks for another endpoint now", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.latencyMs = 20;
    const { cwd, input } = job(60);
    const args = ["run", "in.jsonl", "--url", url, "--concurrency", "2"];
    const { child, ended } = start(args, { cwd });
    await server.reached(5);
    child.kill("SIGKILL");
    await ended;
    writeFileSync(input, readFileSync(input, "utf8").replaceAll("/v1/chat/completions", "/v1/embeddings"));
    const { status, stderr } = await edgebatch(args, { cwd });
    assert.equal(status, 2);
    assert.match(stderr, /in\.jsonl has changed since its run began; --fresh/);
  });

  test("that crashed while it tidied up only reports, runs nothing and tidies up", async () => {
    const { cwd, input, output } = job(2);
    const { stdout } = await edgebatch(["run", "in.jsonl", "--json"], { cwd });
    const finished = JSON.parse(stdout);
    const state = await State.open(defaultFolder(input));
    await state.saveJob({
      name: "in.jsonl",
      input: { bytes: 1, sha256: "", size: 1, mtime: "1" },
      url: null,
      endpoint: "/v1/chat/completions",
      finished: { batch: finished, failures: [] },
    });
    state.release();
    const before = readFileSync(output, "utf8");
    const { status, stderr } = await edgebatch(["run", "in.jsonl"], { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /completed: 2 requests: 2 completed, 0 failed/);
    assert.equal(readFileSync(output, "utf8"), before);
    assert.deepEqual(readdirSync(cwd).sort(), ["in.jsonl", "in.output.jsonl"]);
  });

  test("sends the key and further headers", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    const { cwd } = job(1);
    const args = ["run", "in.jsonl", "--url", url, "--key", "secret", "--header", "x-team: blue"];
    assert.equal((await edgebatch(args, { cwd })).status, 0);
    assert.equal(server.headers.authorization, "Bearer secret");
    assert.equal(server.headers["x-team"], "blue");
  });
});
