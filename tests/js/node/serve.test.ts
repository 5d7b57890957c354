/** Guards `edgebatch serve`: OpenAI's client over a real process, kills, signals, its folder, keys and settings. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { AuthenticationError, NotFoundError } from "openai";
import { type Ended, edgebatch, folder, start } from "../cli/command.ts";
import { ModelServer } from "../cli/server.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../worker/server.ts";
import { serving, stateFolder } from "./serving.ts";

const hashed = (key: string) => createHash("sha256").update(key).digest("hex");
const ids = (count: number) => Array.from({ length: count }, (_, i) => `request-${i}`);

/** How a server ended that is not to start; one that does is killed. */
async function refused(args: string[], cwd?: string): Promise<Ended> {
  const { child, ended: over } = start(["serve", ...args], { ...(cwd !== undefined && { cwd }) });
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  return over.finally(() => clearTimeout(timer));
}

test("openai-node uploads a file, runs a batch over it and reads both files; nothing of it is in the log", async () => {
  const model = new ModelServer();
  const base = await model.listen();
  model.reply = (text) => ({ status: text === "number 3" ? 400 : 200 });
  const server = await serving(["--url", base, "--data", stateFolder()], {
    EDGEBATCH_KEY: "upstream-secret",
  });
  assert.match(server.printed, /base_url="http:\/\/127\.0\.0\.1:\d+\/v1", api_key="any"/);
  assert.ok(server.printed.includes(`in front of ${base}`));
  const client = server.client("caller-secret");
  const created = await createBatch(client, chatLines(20, "some-model"), {
    output_expires_after: { anchor: "created_at", seconds: 7200 },
  });
  const batch = await ended(client, created.id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 20, completed: 19, failed: 1 });
  const output = await linesOf(client, batch.output_file_id);
  assert.deepEqual(
    output.map(({ custom_id }) => custom_id),
    ids(20).filter((_, i) => i !== 3),
  );
  const [error] = await linesOf(client, batch.error_file_id);
  assert.deepEqual([error?.custom_id, error?.response?.status_code], ["request-3", 400]);
  const file = await client.files.retrieve(batch.output_file_id as string);
  assert.equal((file.expires_at ?? 0) - file.created_at, 7200);
  assert.equal(model.headers.authorization, "Bearer upstream-secret");

  const { status, stderr, stdout } = await server.end("SIGTERM");
  assert.equal(status, 0);
  const events = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  // That a batch has ended is seen before it is logged.
  assert.deepEqual(events.toSorted(), ["batch.ended", "server.started", "server.stopped", "server.stopping"]);
  assert.doesNotMatch(stderr + stdout, /number \d|secret/);
});

test("killed in the middle of 300 requests, it completes them all: only calls in flight or not yet saved are repeated", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 300;
  const args = ["--url", base, "--data", data, "--concurrency", "32"];
  const first = await serving(args);
  const { id } = await createBatch(first.client(), chatLines(300));
  await model.reached(150);
  await first.end("SIGKILL");
  const before = model.total;
  const second = await serving(args);
  await until("it goes on by itself, though nobody calls", () => model.total > before);
  const batch = await ended(second.client(), id);
  assert.deepEqual(batch.request_counts, { total: 300, completed: 300, failed: 0 });
  const output = await linesOf(second.client(), batch.output_file_id);
  assert.deepEqual(
    output.map(({ custom_id }) => custom_id),
    ids(300),
  );
  assert.equal(model.calls.size, 300);
  assert.ok(Math.max(...model.calls.values()) <= 2);
  // Answers are saved 250 ms after they came at the latest: no more of them than one round of calls.
  const repeated = model.total - 300;
  assert.ok(repeated > 0 && repeated <= 2 * 32, `${repeated} were repeated`);
});

test("SIGTERM starts nothing new, lets what is in flight end, and the next start goes on from there", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 300;
  const args = ["--url", base, "--data", data, "--concurrency", "10"];
  const first = await serving(args);
  const { id } = await createBatch(first.client(), chatLines(60));
  await model.reached(25);
  const { status, stderr } = await first.end("SIGTERM");
  assert.equal(status, 0);
  assert.match(stderr, /"server.stopped","how":"drained"/);
  assert.ok(model.total < 60 && model.inFlight === 0, `${model.total} calls`);
  const second = await serving(args);
  const batch = await ended(second.client(), id);
  assert.deepEqual(batch.request_counts, { total: 60, completed: 60, failed: 0 });
  assert.deepEqual(new Set(model.calls.values()), new Set([1]));
});

test("what does not end within --grace is left for the next start", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 60_000;
  const first = await serving(["--url", base, "--data", data, "--grace", "1"]);
  const { id } = await createBatch(first.client(), chatLines(3));
  await model.reached(3);
  const { status, stderr } = await first.end("SIGINT");
  assert.equal(status, 0);
  assert.match(stderr, /"server.stopped","how":"late"/);
  model.latencyMs = 0;
  const second = await serving(["--url", base, "--data", data]);
  assert.equal((await ended(second.client(), id)).request_counts?.completed, 3);
});

test("a cancelled batch is over within seconds, and keeps what it had", async () => {
  const model = new ModelServer();
  const base = await model.listen();
  model.latencyMs = 100;
  const { client } = await serving(["--url", base, "--data", stateFolder(), "--concurrency", "2"]);
  const { id } = await createBatch(client(), chatLines(1000));
  await model.reached(10);
  await client().batches.cancel(id);
  const batch = await ended(client(), id, 5_000);
  assert.equal(batch.status, "cancelled");
  const done = batch.request_counts?.completed ?? 0;
  assert.ok(done >= 8 && done < 100, `${done} are done`);
  assert.equal((await linesOf(client(), batch.output_file_id)).length, done);
});

test("a second process on the same folder is told who has it, and ends with 2", async () => {
  const data = stateFolder();
  const { child, url } = await serving(["--data", data]);
  const second = await refused(["--port", "0", "--data", data]);
  assert.equal(second.status, 2);
  assert.match(second.stderr, new RegExp(`is in use by process ${child.pid} on .*: one server at a time`));
  assert.equal((await fetch(`${url}/ready`)).status, 200);
});

test("a folder of a newer format, or of something else, is refused and left as it is", async () => {
  const [newer, other, odd] = [folder(), folder(), folder()];
  writeFileSync(join(newer, "format"), "2\n");
  writeFileSync(join(other, "letter.txt"), "dear");
  writeFileSync(join(odd, "format"), "no number");
  for (const [data, expected] of [
    [newer, /newer edgebatch: its format is 2, and this build knows formats up to 1/],
    [other, /is not empty, and holds no state of edgebatch serve/],
    [odd, /does not hold the number of a format/],
  ] as const) {
    const { status, stderr } = await refused(["--port", "0", "--data", data]);
    assert.equal(status, 2);
    assert.match(stderr, expected);
  }
  assert.equal(readFileSync(join(newer, "format"), "utf8"), "2\n");
});

test("a folder for state that cannot be one is refused in one sentence that names --data, by every command", async () => {
  const file = join(folder(), "letter.txt");
  writeFileSync(file, "dear");
  for (const data of [file, join(file, "below", "it")]) {
    for (const args of [
      ["serve", "--port", "0"],
      ["keys", "add", "alice"],
      ["keys", "list"],
      ["backup", "x.tar"],
      ["restore", "x.tar"],
    ]) {
      const { status, stderr } = await edgebatch([...args, "--data", data]);
      assert.equal(status, 2, args[0]);
      assert.match(stderr, /^edgebatch: .*--data must name a folder: \S+letter\.txt is none\n$/);
    }
  }
});

test("where the system lets nobody make a folder, a start ends", {
  skip: !existsSync("/proc/self"),
}, async () => {
  for (const data of ["/proc/edgebatch", "/proc/edgebatch/state"]) {
    const { status, stderr } = await refused(["--port", "0", "--data", data]);
    assert.equal(status, 2);
    assert.match(stderr, /--data must name a folder, and \/proc\/edgebatch\S* cannot be made: ENOENT/);
  }
});

test("each key is a tenant of its own, which sees nothing of another's; without a key nobody is served", async () => {
  const keys = join(folder(), "keys");
  writeFileSync(keys, `alice:${hashed("key-of-alice")}\nbob:${hashed("key-of-bob")}\n`);
  const data = stateFolder();
  const server = await serving(["--data", data, "--api-keys", keys]);
  const [alice, bob] = [server.client("key-of-alice"), server.client("key-of-bob")];
  const { id, input_file_id } = await createBatch(alice, chatLines(3));
  const { output_file_id } = await ended(alice, id);
  for (const call of [
    () => bob.batches.retrieve(id),
    () => bob.batches.cancel(id),
    () => bob.files.retrieve(input_file_id),
    () => bob.files.content(output_file_id as string),
    () => bob.files.delete(input_file_id),
  ]) {
    await assert.rejects(call, NotFoundError);
  }
  assert.deepEqual([(await bob.files.list()).data, (await bob.batches.list()).data], [[], []]);
  assert.equal((await alice.files.list()).data.length, 2);
  await assert.rejects(server.client("key-of-carol").files.list(), AuthenticationError);
  assert.equal((await fetch(`${server.url}/v1/files`)).status, 401);
});

test("where other machines may call, keys are asked for, or leave to do without", async () => {
  const data = stateFolder();
  const closed = await refused(["--port", "0", "--data", data, "--host", "0.0.0.0"]);
  assert.equal(closed.status, 2);
  assert.match(closed.stderr, /--host 0\.0\.0\.0 .*--api-keys.*--allow-anonymous/);
  const { url } = await serving(["--data", data, "--host", "0.0.0.0", "--allow-anonymous"]);
  assert.equal((await fetch(`${url}/v1/files`)).status, 200);
});

test("a wrong setting is refused by name, before anything is made", async () => {
  const cwd = folder();
  mkdirSync(join(cwd, "a-folder"));
  const twice = `a:${hashed("x")},b:${hashed("x")}`;
  for (const [args, expected] of [
    [["--port", "70000"], /--port/],
    [["--concurrency", "0"], /--concurrency/],
    [["--batches", "x"], /--batches/],
    [["--max-attempts", "-1"], /--max-attempts/],
    [["--timeout", "1.5"], /--timeout/],
    [["--models", "a,,b"], /--models/],
    [["--grace", ""], /--grace/],
    [["--url", "localhost"], /--url must be/],
    [["--url", "http://me:secret@localhost/v1"], /--url must be/],
    [["--key-env", "NOT_SET_ANYWHERE"], /--key-env NOT_SET_ANYWHERE/],
    [["--api-keys", "no such file"], /--api-keys/],
    [["--api-keys", "a-folder"], /--api-keys/],
    [["--api-keys", `alice:${hashed("x")},secret`], /--api-keys: entry 2/],
    [["--api-keys", twice], /--api-keys must give each key one name/],
    [["--host", "no.such.host.invalid", "--allow-anonymous"], /cannot listen on no\.such\.host\.invalid/],
    [["--nope"], /--nope/],
  ] as const) {
    const { status, stderr, stdout } = await refused([...args], cwd);
    assert.deepEqual([status, stdout], [2, ""], `${args}: ${stderr}`);
    assert.match(stderr, expected, args.join(" "));
    assert.doesNotMatch(stderr, /secret|\n\s+at /);
  }
});

test("it has the page at /, says that it is well and ready, and without keys answers to local names alone", async () => {
  const { url } = await serving(["--data", stateFolder()]);
  const page = await fetch(url);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  const html = await page.text();
  const assets = html.match(/assets\/[\w.-]+/g) ?? [];
  assert.ok(assets.length >= 2);
  for (const asset of assets) {
    const { status, headers } = await fetch(`${url}/${asset}`, { method: "HEAD" });
    assert.deepEqual([status, headers.get("cache-control")], [200, "public, max-age=31536000, immutable"]);
  }
  assert.equal((await fetch(`${url}/assets/../_headers`)).status, 404);
  assert.deepEqual(await (await fetch(`${url}/health`)).json(), { status: "ok" });
  assert.deepEqual(await (await fetch(`${url}/ready`)).json(), { status: "ready" });
  for (const [host, expected] of [
    ["localhost", 200],
    ["127.0.0.1:80", 200],
    ["evil.example", 403],
    ["localhost.evil.example", 403],
  ] as const) {
    const status = await new Promise((resolve) => {
      request(`${url}/v1/files`, { headers: { host } }, (answer) =>
        resolve(answer.resume().statusCode),
      ).end();
    });
    assert.equal(status, expected, host);
  }
});

test("while it stops, no probe finds it ready: new connections are refused", async () => {
  const model = new ModelServer();
  const base = await model.listen();
  model.latencyMs = 60_000;
  const server = await serving(["--url", base, "--data", stateFolder(), "--grace", "60"]);
  await createBatch(server.client(), chatLines(1));
  await model.reached(1);
  let log = "";
  server.child.stderr?.on("data", (text: string) => {
    log += text;
  });
  server.child.kill("SIGTERM");
  await until("it stops", () => log.includes("server.stopping"));
  const answers: number[] = [];
  await until("connections are refused", () =>
    fetch(`${server.url}/ready`).then(
      ({ status }) => answers.push(status) === 0,
      ({ cause }) => cause.code === "ECONNREFUSED",
    ),
  );
  assert.ok(!answers.includes(200), "a connection that was taken just before is told 503");
  assert.equal(model.inFlight, 1, "the batch's call is still under way");
  server.child.kill("SIGTERM");
  const { status, stderr } = await server.ended;
  assert.equal(status, 143);
  assert.match(stderr, /quit at once/);
});
