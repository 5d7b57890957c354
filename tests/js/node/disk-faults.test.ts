/** Guards what happens when the disk fails under `edgebatch serve`: who is told what, that the rest works, and that nothing is lost. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { APIError } from "openai";
import { folder, start } from "../cli/command.ts";
import { ModelServer } from "../cli/server.ts";
import { chatLines, createBatch, ended, linesOf, until } from "../worker/server.ts";
import { type Serving, serving, stateFolder } from "./serving.ts";
import { NAMESPACE, noSmallDisk, SmallDisk } from "./small-disk.ts";

const ids = (count: number) => Array.from({ length: count }, (_, i) => `request-${i}`);
const hashed = (key: string) => createHash("sha256").update(key).digest("hex");

/** The log as it grows. */
function logOf({ child }: Serving): () => string {
  let log = "";
  child.stderr?.on("data", (text: string) => {
    log += text;
  });
  return () => log;
}

/** The answer to a call that is to fail. */
async function refusal(call: Promise<unknown>): Promise<{ status: number; code: string; message: string }> {
  const error = await call.then(
    () => assert.fail("it was answered"),
    (error) => error,
  );
  assert.ok(error instanceof APIError, String(error));
  return { status: error.status, code: error.code ?? "", message: error.message };
}

test("on a full disk callers are told so, nothing is paid for again and again, and with room the batch goes on by itself", {
  skip: noSmallDisk ?? false,
}, async () => {
  const model = new ModelServer();
  model.latencyMs = 20;
  const disk = await SmallDisk.serving(32, ["--url", await model.listen()]);
  const { server } = disk;
  const [client, log] = [server.client(), logOf(server)];
  const { id } = await createBatch(client, chatLines(1_000));
  await model.reached(200);
  disk.fill();
  await until("the log says so", () => /"error","event":"state.unwritable".*ENOSPC/.test(log()));
  const upload = () => client.files.create({ file: new File([chatLines(1)], "a.jsonl"), purpose: "batch" });
  const refused = await refusal(upload());
  assert.deepEqual([refused.status, refused.code], [503, "storage_full"]);
  assert.match(refused.message, /disk is full.*req_/);
  assert.equal((await fetch(`${server.url}/health`)).status, 200);
  const ready = await fetch(`${server.url}/ready`);
  assert.deepEqual([ready.status, await ready.json()], [503, { status: "unwritable", reason: "ENOSPC" }]);
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^edgebatch_state_writable 0$/m);
  assert.equal((await client.batches.retrieve(id)).status, "in_progress");
  // What has answers that cannot be stored is bounded, and waits.
  await until("nothing is asked any more", async () => {
    const before = model.total;
    await new Promise((next) => setTimeout(next, 2_000));
    return model.total === before;
  });
  assert.ok(model.total < 1_000, `${model.total} calls`);
  disk.free();
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 1_000, completed: 1_000, failed: 0 });
  const output = await linesOf(client, batch.output_file_id);
  assert.deepEqual(
    output.map(({ custom_id }) => custom_id),
    ids(1_000),
  );
  await until("it is ready again", async () => (await fetch(`${server.url}/ready`)).status === 200);
  assert.match(log(), /"event":"state.writable"/);
  await upload();
});

test("an upload that fills the disk is refused and leaves nothing of itself behind", {
  skip: noSmallDisk ?? false,
}, async () => {
  const disk = await SmallDisk.serving(8, []);
  const client = disk.server.client();
  const file = new File([new Uint8Array(20 * 1024 * 1024)], "large.txt");
  const refused = await refusal(client.files.create({ file, purpose: "user_data" }));
  assert.deepEqual([refused.status, refused.code], [503, "storage_full"]);
  const { id } = await createBatch(client, chatLines(10));
  assert.equal((await ended(client, id)).request_counts?.completed, 10);
  assert.equal((await client.files.list()).data.length, 2);
});

test("a folder that cannot be written is refused at the start, by name", {
  skip: noSmallDisk ?? false,
}, async () => {
  const data = stateFolder();
  await (await serving(["--data", data])).end("SIGTERM");
  const sealed = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  for (const at of [data, folder()]) {
    const by = [...NAMESPACE, "sh", "-c", sealed, at];
    const { status, stderr } = await start(["serve", "--port", "0", "--data", at], { by }).ended;
    assert.equal(status, 2, stderr);
    assert.ok(stderr.includes(`cannot write to ${at}`), stderr);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test("where bytes of files cannot be written, callers are told so, batches wait, and go on once they can be", async () => {
  const model = new ModelServer();
  model.latencyMs = 50;
  const data = stateFolder();
  const server = await serving(["--url", await model.listen(), "--data", data]);
  const [client, log] = [server.client(), logOf(server)];
  const { id } = await createBatch(client, chatLines(40));
  await model.reached(20);
  // A file where a folder belongs: not even root can write there.
  const writing = join(data, "blobs", ".writing");
  rmSync(writing, { recursive: true });
  writeFileSync(writing, "");
  const upload = client.files.create({ file: new File([chatLines(1)], "a.jsonl"), purpose: "batch" });
  const refused = await refusal(upload);
  assert.deepEqual([refused.status, refused.code], [503, "storage_failing"]);
  await until("the batch waits", () => log().includes('"warn","event":"batch.faulted"'), 120_000);
  assert.equal(model.total, 40);
  rmSync(writing);
  mkdirSync(writing);
  const batch = await ended(client, id);
  assert.equal(batch.request_counts?.completed, 40);
  assert.equal((await linesOf(client, batch.output_file_id)).length, 40);
  assert.equal(model.total, 40);
});

test("a damaged database is one tenant's trouble, and once it is restored its batches go on though nobody calls", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 50;
  const keys = `alice:${hashed("key-of-alice")},bob:${hashed("key-of-bob")}`;
  const args = ["--url", base, "--data", data, "--api-keys", keys];
  const first = await serving(args);
  const { id } = await createBatch(first.client("key-of-alice"), chatLines(100));
  await model.reached(20);
  await first.end("SIGTERM");
  const database = join(data, "tenants", "alice.sqlite");
  const backup = join(folder(), "backup");
  copyFileSync(database, backup);
  writeFileSync(database, "no database at all".repeat(1_000));
  const before = model.total;
  const second = await serving(args);
  const log = logOf(second);
  const [alice, bob] = [second.client("key-of-alice"), second.client("key-of-bob")];
  const refused = await refusal(alice.batches.retrieve(id));
  assert.deepEqual([refused.status, refused.code], [500, "storage_damaged"]);
  assert.doesNotMatch(refused.message, /sqlite|tenants/);
  const other = await createBatch(bob, chatLines(10));
  assert.equal((await ended(bob, other.id)).request_counts?.completed, 10);
  copyFileSync(backup, database);
  await until("its calls go on", () => model.total > before + 10);
  assert.match(log(), /"event":"tenant.opened","tenant":"alice"/);
  const batch = await ended(alice, id);
  assert.deepEqual(batch.request_counts, { total: 100, completed: 100, failed: 0 });
  const { stderr } = await second.end("SIGTERM");
  assert.equal(stderr.match(/"tenant.open",.*"tenant":"alice"/g)?.length, 1);
});

test("a database that is damaged in the middle stops nothing but what needs that part of it", async () => {
  const data = stateFolder();
  const keys = `alice:${hashed("key-of-alice")},bob:${hashed("key-of-bob")}`;
  const args = ["--data", data, "--api-keys", keys, "--latency", "20"];
  const first = await serving(args);
  const { id } = await createBatch(first.client("key-of-alice"), chatLines(200));
  await until("it runs", async () => {
    const batch = await first.client("key-of-alice").batches.retrieve(id);
    return (batch.request_counts?.completed ?? 0) > 64;
  });
  await first.end("SIGTERM");
  const database = join(data, "tenants", "alice.sqlite");
  const bytes = readFileSync(database);
  writeFileSync(database, bytes.fill(0xa5, 16_384));
  const second = await serving(args);
  const refused = await refusal(second.client("key-of-alice").batches.retrieve(id));
  assert.deepEqual([refused.status, refused.code], [500, "storage_damaged"]);
  const bob = second.client("key-of-bob");
  assert.equal((await ended(bob, (await createBatch(bob, chatLines(5))).id)).request_counts?.completed, 5);
  assert.equal((await second.end("SIGTERM")).status, 0);
});

test("a server whose own database is damaged does not start, and says what can be done; nothing is lost with that", async () => {
  const data = stateFolder();
  const first = await serving(["--data", data]);
  const { id } = await createBatch(first.client(), chatLines(5));
  await ended(first.client(), id);
  await first.end("SIGTERM");
  writeFileSync(join(data, "server.sqlite"), "garbage".repeat(1_000));
  const { status, stderr } = await start(["serve", "--port", "0", "--data", data]).ended;
  assert.equal(status, 2);
  assert.ok(stderr.includes(join(data, "server.sqlite")), stderr);
  assert.match(stderr, /file is not a database.*remove it/);
  assert.equal(readFileSync(join(data, "server.sqlite"), "utf8").slice(0, 7), "garbage");
  for (const end of ["", "-wal", "-shm"]) rmSync(join(data, `server.sqlite${end}`), { force: true });
  const again = await serving(["--data", data]);
  assert.equal((await again.client().batches.retrieve(id)).status, "completed");
});

test("when the end of a write-ahead log is lost, the batch goes on from what is left, and every request has its line once", async () => {
  const model = new ModelServer();
  const [base, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 20;
  const args = ["--url", base, "--data", data];
  const first = await serving(args);
  const { id } = await createBatch(first.client(), chatLines(300));
  await model.reached(250);
  await first.end("SIGKILL");
  const log = join(data, "tenants", "~anonymous.sqlite-wal");
  truncateSync(log, Math.floor(statSync(log).size * 0.6));
  const second = await serving(args);
  const batch = await ended(second.client(), id);
  assert.deepEqual(batch.request_counts, { total: 300, completed: 300, failed: 0 });
  const output = await linesOf(second.client(), batch.output_file_id);
  assert.deepEqual(
    output.map(({ custom_id }) => custom_id),
    ids(300),
  );
});

test("a clock that is set forward and back stops nothing, and loses nothing", async () => {
  const model = new ModelServer();
  model.latencyMs = 50;
  const at = folder();
  const [offset, preload] = [join(at, "offset"), join(at, "clock.mjs")];
  writeFileSync(offset, "0");
  writeFileSync(
    preload,
    `import { readFileSync } from "node:fs";
    const real = Date.now;
    Date.now = () => real() + Number(readFileSync(${JSON.stringify(offset)}, "utf8") || 0);`,
  );
  const env = { NODE_OPTIONS: `--import=${preload}` };
  const server = await serving(["--url", await model.listen(), "--data", stateFolder()], env);
  const client = server.client();
  const { id } = await createBatch(client, chatLines(400));
  // Within the day that the batch has.
  for (const [hours, calls] of [
    [3, 80],
    [-10, 160],
    [-9, 240],
    [0, 320],
  ] as const) {
    await model.reached(calls);
    writeFileSync(offset, String(hours * 3_600_000));
  }
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 400, completed: 400, failed: 0 });
  assert.equal((await linesOf(client, batch.output_file_id)).length, 400);
  // What is under way when hours pass has taken too long, and is asked again.
  assert.ok(model.total <= 400 + 3 * 10, `${model.total} calls`);
});
