/** Guards keys while the server runs: they come and go, a tenant without one spends nothing, and models are held to. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AuthenticationError } from "openai";
import { edgebatch, folder } from "../cli/command.ts";
import { ModelServer } from "../cli/server.ts";
import { chatLines, createBatch, ended, until } from "../worker/server.ts";
import { type Serving, serving, stateFolder } from "./serving.ts";

const hashed = (key: string) => createHash("sha256").update(key).digest("hex");

async function keys(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await edgebatch(["keys", ...args]);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/** How a call with this key is answered. */
const statusOf = async ({ url }: Serving, key: string) =>
  (await fetch(`${url}/v1/files`, { headers: { authorization: `Bearer ${key}` } })).status;

const soon = (what: string, holds: () => Promise<boolean>) => until(what, holds, 5_000);

test("a key that is made while the server runs is taken within moments, and one that is revoked no more", async () => {
  const data = stateFolder();
  const alice = await keys("add", "alice", "--data", data);
  const server = await serving(["--data", data]);
  assert.match(server.printed, /for those with a key/);
  assert.match(server.printed, /api_key="YOUR KEY"/);
  assert.equal(await statusOf(server, alice), 200);
  const bob = await keys("add", "bob", "--data", data);
  await soon("bob's key is taken", async () => (await statusOf(server, bob)) === 200);
  await keys("revoke", "alice", "--data", data);
  await soon("alice's key is refused", async () => (await statusOf(server, alice)) === 401);
  assert.equal(await statusOf(server, bob), 200);
  const { stderr, stdout } = await server.end("SIGTERM");
  for (const secret of [alice, bob]) assert.ok(!(stderr + stdout).includes(secret));
});

test("batches of a tenant whose last key is revoked are held, and go on when it has one again", async () => {
  const model = new ModelServer();
  const [url, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 20;
  const key = await keys("add", "alice", "--data", data);
  const other = await keys("add", "bob", "--data", data);
  const server = await serving(["--data", data, "--url", url, "--concurrency", "2"]);
  const { id } = await createBatch(server.client(key), chatLines(300, "alices-model"));
  await model.reached(20);
  await keys("revoke", "alice", "--data", data);
  await soon(
    "nothing of it is in flight",
    async () => (await statusOf(server, key)) === 401 && model.inFlight === 0,
  );
  const called = model.total;
  assert.ok(called < 300);
  // Another tenant's batch runs from its beginning to its end meanwhile.
  const bobs = await createBatch(server.client(other), chatLines(100, "bobs-model"));
  await ended(server.client(other), bobs.id);
  assert.equal(model.total, called + 100);
  const again = await keys("add", "alice", "--data", data);
  await soon("its new key is taken", async () => (await statusOf(server, again)) === 200);
  const batch = await ended(server.client(again), id, 30_000);
  assert.deepEqual(batch.request_counts, { total: 300, completed: 300, failed: 0 });
  assert.deepEqual(new Set(model.calls.values()), new Set([1]));
});

test("a key with models sees and runs those alone; a tenant's keys count together", async () => {
  const data = stateFolder();
  const one = await keys("add", "alice", "--models", "a", "--data", data);
  const any = await keys("add", "bob", "--data", data);
  const model = new ModelServer();
  const server = await serving(["--data", data, "--url", await model.listen(), "--models", "a,b,c"]);
  const listed = async (key: string) => (await server.client(key).models.list()).data.map(({ id }) => id);
  assert.deepEqual(await listed(one), ["a"]);
  assert.deepEqual(await listed(any), ["a", "b", "c"]);
  assert.equal((await server.client(one).models.retrieve("a")).id, "a");
  await assert.rejects(server.client(one).models.retrieve("b").then(), /404/);
  const run = async (key: string, name: string) => {
    const client = server.client(key);
    const { status, errors } = await ended(client, (await createBatch(client, chatLines(1, name))).id);
    return [status, errors?.data?.[0]?.code, errors?.data?.[0]?.message?.replace(name, "M")];
  };
  assert.deepEqual(await run(one, "a"), ["completed", undefined, undefined]);
  assert.deepEqual(await run(any, "b"), ["completed", undefined, undefined]);
  const unknown = await run(any, "z");
  assert.deepEqual(unknown.slice(0, 2), ["failed", "model_not_found"]);
  assert.deepEqual(await run(one, "b"), unknown);
  const both = await keys("add", "alice", "--models", "b", "--data", data);
  await soon("the second key is taken", async () => (await statusOf(server, both)) === 200);
  assert.deepEqual(await listed(both), ["b"]);
  assert.deepEqual(await run(one, "b"), ["completed", undefined, undefined]);
  assert.deepEqual(await run(one, "c"), unknown);
});

test("a file of --api-keys is read again when it changes; one that is wrong or gone leaves the keys as they were", async () => {
  const file = join(folder(), "keys");
  const put = (text: string) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  put(`alice:${hashed("one")}\n`);
  const server = await serving(["--data", stateFolder(), "--api-keys", file]);
  let log = "";
  server.child.stderr?.on("data", (text: string) => {
    log += text;
  });
  const told = (times: number) =>
    until(`it is told ${times} times`, () => log.split('"keys.unreadable"').length > times, 5_000);
  put(`alice:${hashed("two")}\n`);
  await soon("the new key is taken", async () => (await statusOf(server, "two")) === 200);
  assert.equal(await statusOf(server, "one"), 401);
  put(`alice:${hashed("three")}\nsecret`);
  await told(1);
  renameSync(file, `${file}.away`);
  await told(2);
  assert.equal(await statusOf(server, "two"), 200);
  assert.equal(await statusOf(server, "three"), 401);
  // In place, as an editor may do it: read once it stands still.
  writeFileSync(file, "");
  writeFileSync(file, `alice:${hashed("four")}\n`);
  await soon("it is read", async () => (await statusOf(server, "four")) === 200);
  assert.doesNotMatch(log, /secret/);
  assert.equal(log.split('"keys.unreadable"').length - 1, 2, "each is told of once");
});

test("the first key ends service without one, and none left does not bring it back", async () => {
  const data = stateFolder();
  const open = await serving(["--data", data]);
  assert.match(open.printed, /for this machine alone, as there are no keys/);
  assert.equal(await statusOf(open, "any"), 200);
  const key = await keys("add", "alice", "--data", data);
  await soon("a key is asked for", async () => (await statusOf(open, "any")) === 401);
  assert.equal(await statusOf(open, key), 200);
  await keys("revoke", "alice", "--data", data);
  await soon("nobody is let in", async () => (await statusOf(open, key)) === 401);
  await assert.rejects(open.client().files.list().then(), (error: unknown) => {
    assert.ok(error instanceof AuthenticationError);
    assert.match(error.message, /accepts no calls: .*edgebatch keys add NAME.*--allow-anonymous/);
    return true;
  });
  await open.end("SIGTERM");
  const closed = await serving(["--data", data, "--host", "0.0.0.0"]);
  assert.match(closed.printed, /for nobody, as there is no key \(edgebatch keys add NAME makes one\)/);
  assert.equal(await statusOf(closed, "any"), 401);
});

test("batches that were made without a key run to their end once there is one, also after a restart", async () => {
  const model = new ModelServer();
  const [url, data] = [await model.listen(), stateFolder()];
  model.latencyMs = 20;
  const args = ["--data", data, "--url", url, "--concurrency", "2"];
  const open = await serving(args);
  await createBatch(open.client(), chatLines(300, "m"));
  await model.reached(20);
  await keys("add", "alice", "--data", data);
  await soon("a key is asked for", async () => (await statusOf(open, "any")) === 401);
  const before = model.total;
  assert.ok(before < 200);
  await soon("it goes on", async () => model.total >= before + 20);
  await open.end("SIGTERM");
  assert.ok(model.total < 300);
  await serving(args);
  await until("all are sent", async () => model.total >= 300, 30_000);
});
