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

suite("a run in trouble", () => {
  test("stops when the server is out of reach, has failed no request, and goes on once it is there", async () => {
    const port = await freePort();
    const { cwd, output, errors } = job(40);
    const args = ["run", "in.jsonl", "--url", `http://127.0.0.1:${port}`, "--patience", "1"];
    const down = await edgebatch(args, { cwd });
    assert.equal(down.status, 2, down.stderr);
    assert.match(down.stderr, /no answer: fetch failed.*ECONNREFUSED/);
    assert.match(down.stderr, /the server is out of reach: .*\n.*with 0 of 40 requests done/);
    const server = new ModelServer();
    await server.listen(port);
    const up = await edgebatch(args, { cwd });
    assert.equal(up.status, 0, up.stderr);
    assert.equal(readFileSync(output, "utf8").split("\n").length, 41);
    assert.equal(existsSync(errors), false, "no request failed");
  });

  test("leaves at once on the second Ctrl-C", async () => {
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
    assert.match(stderr, /left at once/);
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

  test("says that the key is likely wrong when the first answer is 401", async () => {
    const server = new ModelServer();
    const url = await server.listen();
    server.reply = () => ({ status: 401 });
    const { cwd } = job(3);
    const { stderr } = await edgebatch(["run", "in.jsonl", "--url", url], { cwd });
    assert.match(stderr, /the server answers 401: is the key right\?/);
  });

  test("prints the failed batch alone with --json", async () => {
    const { cwd, input } = job(1);
    writeFileSync(input, "nonsense\n");
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
    const state = await State.open(defaultFolder(input, null, undefined));
    await state.saveJob({ input, url: null, endpoint: "/v1/chat/completions", finished });
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
