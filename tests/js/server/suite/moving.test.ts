/** Guards moves: a batch goes on where it stopped on another server, and no line is asked by both. */

import { strict as assert } from "node:assert";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import OpenAI, { BadRequestError, ConflictError } from "openai";
import type { Batch, ImportedBatch } from "../../../../js/core/types.ts";
import { start } from "../../cli/command.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { runPython } from "./python/client.ts";
import { type ProgramName, runtimeName, runtimes } from "./runtimes.ts";
import { type Started, startServer } from "./server.ts";
import { slowly, startUpstream } from "./upstream.ts";

const LINES = 300;
/** So slow that a batch which is to be moved does not end meanwhile, whatever the machine is busy with. */
const SLOW_MS = 500;
const settings = { MAX_CONCURRENT_REQUESTS: "4" };

/** A model server that is quick at first, and once it is told to be. */
async function startSlow() {
  let isQuick = false;
  const quick = () => {
    isQuick = true;
  };
  const upstream = await startUpstream((...call) =>
    slowly(isQuick || upstream.times.length <= 20 ? 20 : SLOW_MS)(...call),
  );
  return { upstream, quick };
}

/** All of the stream of a batch, in memory. */
async function exported({ client }: Started, id: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await client.post(`/batches/${id}/export`).asResponse();
  assert.equal(response.headers.get("content-type"), "application/vnd.edgebatch.batch");
  return new Uint8Array(await response.arrayBuffer());
}

async function imported({ url, client }: Started, stream: Uint8Array<ArrayBuffer>): Promise<ImportedBatch> {
  const headers = { "content-type": "application/vnd.edgebatch.batch" };
  const raw = new OpenAI({ baseURL: `${url}/v1`, apiKey: client.apiKey, maxRetries: 0 });
  return raw.post<ImportedBatch>("/batches/import", { body: stream, headers });
}

const own = (batch: OpenAI.Batch) => (batch as unknown as Batch).edgebatch;

test("a running batch goes to another server and back, whoever is killed, and every line is asked once", async () => {
  const { upstream, quick } = await startSlow();
  const [here, there] = await Promise.all(
    [1, 2].map(() => startServer({ UPSTREAM_URL: upstream.url, ...settings })),
  );
  assert.ok(here && there);
  after(async () => Promise.all([here.stop(), there.stop(), upstream.close()]));
  const { id } = await createBatch(here.client, chatLines(LINES), { metadata: { goes: "along" } });
  await until("some of it ran", () => upstream.times.length > 30);

  const stream = await exported(here, id);
  const made = upstream.times.length;
  assert.equal(upstream.inFlight, 0);
  await here.kill();
  await here.restart();
  assert.deepEqual(await exported(here, id), stream, "it is the same after a crash");
  assert.ok(Number(own(await here.client.batches.retrieve(id))?.moving_at) > 0);
  for (const what of ["pause", "resume", "cancel"])
    await assert.rejects(here.client.post(`/batches/${id}/${what}`).then(), ConflictError);

  // What does not come as it was sent leaves nothing.
  for (const bad of [stream.subarray(0, stream.length - 40), stream.with(stream.length >> 1, 0)])
    await assert.rejects(imported(there, bad as Uint8Array<ArrayBuffer>), BadRequestError);
  assert.deepEqual((await there.client.batches.list()).data, []);
  assert.deepEqual((await there.client.files.list()).data, []);

  const first = await imported(there, stream);
  assert.deepEqual([first.object, first.batch.id], ["edgebatch.import", id]);
  assert.deepEqual((await imported(there, stream)).fence, first.fence, "the same again changes nothing");
  await until("it runs there", () => upstream.times.length > made + 20);
  const settled = { body: { fence: first.fence } };
  await here.client.post(`/batches/${id}/export/settle`, settled);
  await until(
    "it has ended here",
    async () => (await here.client.batches.retrieve(id)).status === "cancelled",
  );
  assert.ok(Number(own(await here.client.batches.retrieve(id))?.moved_at) > 0);
  await here.client.post(`/batches/${id}/export/settle`, settled);

  // And back.
  const back = await imported(here, await exported(there, id));
  await there.client.post(`/batches/${id}/export/settle`, { body: { fence: back.fence } });
  quick();
  const batch = await ended(here.client, id);
  assert.deepEqual(batch.request_counts, { total: LINES, completed: LINES, failed: 0 });
  assert.deepEqual(batch.metadata, { goes: "along" });
  assert.equal((await linesOf(here.client, batch.output_file_id)).length, LINES);
  assert.equal(upstream.calls.size, LINES);
  assert.equal(Math.max(...upstream.calls.values()), 1, "every line was asked once");
  assert.equal((await ended(there.client, id)).status, "cancelled");
});

test("an export is taken back by force alone, and what cannot be moved is refused by name", async () => {
  const server = await startServer({ ECHO_LATENCY_MS: "30", MAX_CONCURRENT_REQUESTS: "2" });
  after(() => server.stop());
  const { client } = server;
  const { id } = await createBatch(client, chatLines(300));
  await until("it runs", async () => (await client.batches.retrieve(id)).request_counts?.completed !== 0);
  const stream = await exported(server, id);
  await assert.rejects(imported(server, stream), { status: 409, code: "batch_exists" });
  const abort = (body: object) => client.post(`/batches/${id}/export/abort`, { body }).then();
  await assert.rejects(abort({}), { status: 400, param: "force" });
  await assert.rejects(client.post(`/batches/${id}/export/settle`, { body: {} }).then(), { param: "fence" });
  await abort({ force: true });
  await assert.rejects(abort({ force: true }), { status: 409, code: "export_superseded" });
  assert.equal((await ended(client, id)).request_counts?.completed, 300);
  await assert.rejects(exported(server, id), { status: 409, code: "batch_not_movable" });
  await assert.rejects(exported(server, "batch_none"), { status: 404 });
  await assert.rejects(imported(server, new TextEncoder().encode("{}\n")), { code: "invalid_export" });
});

test("a batch goes through servers of every kind", async () => {
  const { upstream, quick } = await startSlow();
  // The one that is tested is among them, whichever the others are.
  const names = [...new Set([runtimeName, "worker", "node"] as (ProgramName | "worker")[])];
  const servers = await Promise.all(
    names.map((name) => startServer({ UPSTREAM_URL: upstream.url, ...settings }, "any key", runtimes[name])),
  );
  after(async () => Promise.all([...servers.map((server) => server.stop()), upstream.close()]));
  let at = servers[0] as Started;
  const { id } = await createBatch(at.client, chatLines(LINES));
  for (const next of [...servers.slice(1), servers[0] as Started]) {
    const made = upstream.times.length;
    await until("it runs on", () => upstream.times.length > made + 20);
    const { fence } = await imported(next, await exported(at, id));
    await at.client.post(`/batches/${id}/export/settle`, { body: { fence } });
    at = next;
  }
  quick();
  assert.equal((await ended(at.client, id)).request_counts?.completed, LINES);
  assert.equal(Math.max(...upstream.calls.values()), 1, "every line was asked once");
});

test("openai-python moves a batch by the calls that the docs show", async () => {
  const { upstream, quick } = await startSlow();
  const [here, there] = (await Promise.all(
    [1, 2].map(() => startServer({ UPSTREAM_URL: upstream.url, ...settings })),
  )) as [Started, Started];
  after(async () => Promise.all([here.stop(), there.stop(), upstream.close()]));
  const { id } = await createBatch(here.client, chatLines(LINES));
  await until("it runs", () => upstream.times.length > 20);
  const fence = await runPython("moving.py", `${here.url}/v1`, `${there.url}/v1`, id);
  assert.match(fence, /^[0-9a-f]{16}\n$/);
  quick();
  assert.equal((await ended(there.client, id)).request_counts?.completed, LINES);
  assert.equal(Math.max(...upstream.calls.values()), 1, "every line was asked once");
});

test("the command line moves a batch, by itself or by a file", async () => {
  const { upstream, quick } = await startSlow();
  const [here, there] = (await Promise.all(
    [1, 2].map(() => startServer({ UPSTREAM_URL: upstream.url, ...settings })),
  )) as [Started, Started];
  const folder = await mkdtemp(join(tmpdir(), "edgebatch-move-"));
  after(async () =>
    Promise.all([here.stop(), there.stop(), upstream.close(), rm(folder, { recursive: true })]),
  );
  const edgebatch = async (...args: string[]) => {
    const { status, stdout, stderr } = await start(args).ended;
    return { status, stdout, stderr };
  };
  const at = ({ url }: Started) => ["--url", `${url}/v1`];
  const { id } = await createBatch(here.client, chatLines(LINES));
  await until("it runs", () => upstream.times.length > 20);
  const moved = await edgebatch("move", id, "--from", `${here.url}/v1`, "--to", `${there.url}/v1`);
  assert.deepEqual([moved.status, moved.stdout], [0, `${id}\n`], moved.stderr);
  assert.equal((await ended(here.client, id)).status, "cancelled");
  // Back by a file.
  const file = join(folder, "batch.edgebatch");
  assert.equal((await edgebatch("export", id, "--out", file, ...at(there))).status, 0);
  const bad = join(folder, "bad.edgebatch");
  await writeFile(bad, (await readFile(file)).subarray(0, -1));
  const refused = await edgebatch("import", bad, ...at(here));
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /cut off/);
  const imported = await edgebatch("import", file, "--json", ...at(here));
  assert.equal(imported.status, 0, imported.stderr);
  const { fence } = JSON.parse(imported.stdout) as ImportedBatch;
  assert.equal((await edgebatch("export", id, "--take-back", ...at(there))).status, 2);
  assert.equal((await edgebatch("export", id, "--settled", fence, ...at(there))).status, 0);
  quick();
  assert.equal((await ended(here.client, id)).request_counts?.completed, LINES);
  assert.equal(Math.max(...upstream.calls.values()), 1, "every line was asked once");
});
