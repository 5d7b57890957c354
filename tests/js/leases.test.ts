/** Several processes over one store: each batch has one owner at a time, whichever is killed, stands still or goes on. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, suite, test } from "node:test";
import {
  anyModel,
  Batches,
  DiskFiles,
  MemoryFiles,
  MemoryKV,
  readLines,
  SqliteKV,
} from "../../js/entry/node.ts";
import { start } from "./hosts/children.ts";
import { temporaryDirectory } from "./hosts/temp.ts";

const endpoint = "/v1/chat/completions";
const completion_window = "24h";
/** Requests of one batch in flight at once, and results that are stored together. */
const lanes = 10;
const unsaved = 64;
const leaseMs = 1_000;

const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
});
const entry = JSON.stringify(new URL("../../js/entry/node.ts", import.meta.url).href);

function input(count: number): Buffer {
  const line = (i: number) => {
    const body = { model: "m", messages: [{ role: "user", content: `${i}` }] };
    return `${JSON.stringify({ custom_id: `r${i}`, method: "POST", url: endpoint, body })}\n`;
  };
  return Buffer.from(Array.from({ length: count }, (_, i) => line(i)).join(""));
}

/** Batches of `count` requests each that wait to be run, and a service of this process that does not run them. */
async function prepared(batchCount: number, count: number) {
  const directory = temporaryDirectory();
  const files = new DiskFiles(join(directory, "files"));
  const kv = new SqliteKV(join(directory, "batches.db"));
  const inference = { infer: async () => assert.fail("this process runs nothing") };
  const batches = new Batches({ kv, files, inference, models: anyModel, autostart: false });
  const { id: input_file_id } = await files.add([input(count)] as never, { filename: "in.jsonl" });
  const ids: string[] = [];
  for (let i = 0; i < batchCount; i++) {
    ids.push((await batches.create({ input_file_id, endpoint, completion_window })).id);
  }
  return { directory, files, kv, batches, ids, count };
}

/**
 * A process that runs what there is to run until it is killed or told to end. It prints the custom id of each call, and what
 * ended the background run.
 */
function runner(directory: string): ChildProcess {
  const child = start(
    directory,
    `import { writeSync } from "node:fs";
     import { anyModel, Batches, DiskFiles, SqliteKV } from ${entry};
     const say = (text: string) => writeSync(1, text + "\\n");
     const infer = async ({ idempotencyKey, body }) => {
       say("call " + idempotencyKey);
       await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 6));
       return { status: 200, body };
     };
     const batches = new Batches({
       kv: new SqliteKV(${JSON.stringify(join(directory, "batches.db"))}),
       files: new DiskFiles(${JSON.stringify(join(directory, "files"))}),
       inference: { infer },
       models: anyModel,
       leaseMs: ${leaseMs},
       maxConcurrentRequestsPerBatch: ${lanes},
       onError: (error) => say("error " + error),
     });
     say("started");
     process.on("SIGTERM", async () => {
       await batches.stop();
       process.exit(0);
     });
     setInterval(() => {}, 1_000);`,
  );
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

/** What a child has printed, and a wait for a number of its lines. */
function watch(child: ChildProcess) {
  const calls: string[] = [];
  const errors: string[] = [];
  const waiting = new Set<() => void>();
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  if (child.stdout === null) throw new Error("no output");
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("call ")) calls.push(line.slice(5));
    if (line.startsWith("error ")) errors.push(line);
    for (const look of [...waiting]) look();
  });
  const made = (least: number) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (calls.length < least) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      void closed.then(() => reject(new Error(`ended after ${calls.length} calls of ${least}`)));
      look();
    });
  const stop = async () => {
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    await closed;
  };
  return { child, calls, errors, closed, made, stop };
}

type Store = Awaited<ReturnType<typeof prepared>>;

/** Waits for all batches, and looks at counts and files: each request once, in order. */
async function ended({ batches, files, ids, count }: Store): Promise<void> {
  for (const id of ids) {
    const batch = await batches.wait(id, { pollMs: 20 });
    assert.deepEqual([batch.status, batch.error_file_id], ["completed", null]);
    assert.deepEqual(batch.request_counts, { total: count, completed: count, failed: 0 });
    let expected = 0;
    for await (const line of readLines(files, batch.output_file_id)) {
      assert.equal(JSON.parse(line).custom_id, `r${expected++}`);
    }
    assert.equal(expected, count);
  }
}

function repeated(...processes: { calls: string[] }[]): number {
  const all = processes.flatMap(({ calls }) => calls);
  return all.length - new Set(all).size;
}

suite("Of several processes over one SQLite file", { timeout: 180_000 }, () => {
  test("two share the batches, and each request is called once", async () => {
    const store = await prepared(6, 500);
    const [one, two] = [watch(runner(store.directory)), watch(runner(store.directory))];
    await ended(store);
    assert.equal(one.calls.length + two.calls.length, 3_000);
    assert.equal(repeated(one, two), 0);
    assert.deepEqual([...one.errors, ...two.errors], []);
    await Promise.all([one.stop(), two.stop()]);
    store.kv.close();
  });

  for (const at of [1, 700, 1_500, 2_900]) {
    test(`one is killed at its call ${at} of 3,000, and only what was in flight is called again`, async (t) => {
      const store = await prepared(1, 3_000);
      const one = watch(runner(store.directory));
      await one.made(1);
      const two = watch(runner(store.directory));
      await one.made(at);
      one.child.kill("SIGKILL");
      await one.closed;
      const killedAt = Date.now();
      await two.made(1);
      t.diagnostic(`taken over after ${Date.now() - killedAt} ms`);
      await ended(store);
      t.diagnostic(`${repeated(one, two)} calls were made again`);
      assert.ok(repeated(one, two) <= lanes + unsaved, `${repeated(one, two)} calls were made again`);
      await two.stop();
      store.kv.close();
    });
  }

  test("one that stood still for longer than its lease writes nothing and calls nothing when it goes on", async () => {
    const store = await prepared(1, 3_000);
    const one = watch(runner(store.directory));
    await one.made(300);
    const two = watch(runner(store.directory));
    one.child.kill("SIGSTOP");
    await two.made(100);
    const before = one.calls.length;
    one.child.kill("SIGCONT");
    await ended(store);
    assert.equal(one.calls.length, before, "calls of the one that lost the batch");
    assert.ok(repeated(one, two) <= lanes + unsaved, `${repeated(one, two)} calls were made again`);
    await Promise.all([one.stop(), two.stop()]);
    store.kv.close();
  });

  test("one that stood still until the batch had ended changes neither the store nor the files", async () => {
    const store = await prepared(1, 600);
    const one = watch(runner(store.directory));
    await one.made(590);
    one.child.kill("SIGSTOP");
    const two = watch(runner(store.directory));
    await ended(store);
    await two.stop();
    const records = async () => {
      const { entries } = await store.kv.list({ prefix: "" });
      return entries.map(([key, value]) => [key, Buffer.from(value).toString()]);
    };
    const before = await records();
    one.child.kill("SIGCONT");
    // It looks for work all the time: a new batch shows that it goes on.
    const { id: input_file_id } = await store.files.add([input(1)] as never, { filename: "in.jsonl" });
    const next = await store.batches.create({ input_file_id, endpoint, completion_window });
    await store.batches.wait(next.id, { pollMs: 20 });
    await one.stop();
    const after = (await records()).filter(([key]) => !key?.includes(next.id) && key !== "newest");
    assert.deepEqual(
      after,
      before.filter(([key]) => key !== "newest"),
    );
    await ended(store);
    store.kv.close();
  });

  test("creates with one idempotency key make one batch, and ids of all sort by creation", async () => {
    const directory = temporaryDirectory();
    const path = JSON.stringify(join(directory, "batches.db"));
    const creator = () =>
      start(
        directory,
        `import { anyModel, Batches, MemoryFiles, SqliteKV } from ${entry};
         const infer = async () => ({ status: 200, body: new Uint8Array() });
         const kv = new SqliteKV(${path});
         const batches = new Batches({ kv, files: new MemoryFiles(), inference: { infer }, models: anyModel, autostart: false });
         const params = { input_file_id: "file-none", endpoint: "/v1/chat/completions", completion_window: "24h" };
         for (let i = 0; i < 60; i++) {
           const keyed = await batches.create({ ...params, idempotency_key: "key-" + i });
           const { id } = await batches.create(params);
           console.log(JSON.stringify([i, keyed.id, id]));
         }
         kv.close();`,
      );
    const outputs = await Promise.all(
      [creator(), creator(), creator()].map(async (child) => {
        children.add(child);
        const lines: [number, string, string][] = [];
        if (child.stdout === null) throw new Error("no output");
        for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line));
        return lines;
      }),
    );
    for (let i = 0; i < 60; i++)
      assert.equal(new Set(outputs.map((lines) => lines[i]?.[1])).size, 1, `key ${i}`);
    const own = outputs.map((lines) => lines.map(([, , id]) => id));
    for (const ids of own) assert.deepEqual(ids, [...ids].sort(), "each process's ids rise");
    assert.equal(
      new Set([...own.flat(), ...outputs.flatMap((lines) => lines.map(([, id]) => id))]).size,
      240,
    );
    const kv = new SqliteKV(join(directory, "batches.db"));
    assert.equal((await kv.list({ prefix: "batch:" })).entries.length, 240);
    kv.close();
  });
});

suite("Of two services in one process", () => {
  test("both run the batches of a store in memory, and each request is called once", async () => {
    const [kv, files] = [new MemoryKV(), new MemoryFiles()];
    const calls: string[] = [];
    const inference = {
      infer: async ({ idempotencyKey, body }: { idempotencyKey: string; body: Uint8Array }) => {
        calls.push(idempotencyKey);
        await new Promise((resolve) => setTimeout(resolve, 1));
        return { status: 200, body };
      },
    };
    const services = [1, 2].map(() => new Batches({ kv, files, inference, models: anyModel }));
    const { id: input_file_id } = await files.add("in.jsonl", input(200));
    const [first] = services;
    const created = await Promise.all(
      services.flatMap((service) =>
        [1, 2, 3].map(() => service.create({ input_file_id, endpoint, completion_window })),
      ),
    );
    for (const { id } of created) assert.equal((await first?.wait(id))?.status, "completed");
    assert.equal(calls.length, 1_200);
    assert.equal(new Set(calls).size, 1_200);
    for (const service of services) await service.stop();
  });
});
