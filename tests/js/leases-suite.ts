/**
 * Several processes over one store: each batch has one owner at a time, whichever is killed, stands still or goes on. For every
 * store that several processes may share.
 */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, suite, test } from "node:test";
import type { KV } from "../../js/core/types.ts";
import { anyModel, Batches, DiskFiles, readLines } from "../../js/entry/node.ts";
import { start } from "./hosts/children.ts";
import { temporaryDirectory } from "./hosts/temp.ts";

export const endpoint = "/v1/chat/completions";
export const completion_window = "24h";
interface OpenedStore {
  kv: KV;
  close(): Promise<void>;
  /** Whether others can write, where a process that stands still in the middle of a write keeps them from it. */
  isFree?(): Promise<boolean>;
}

/** A store that is shared. */
export interface SharedStore {
  /** Opens the store that goes with this folder. */
  open(directory: string): Promise<OpenedStore>;
  /** The same as source: lines that end with `const kv = …;`. */
  source(directory: string): string;
  /** What runs that source, where it is not Node. */
  command?: readonly string[];
}

/** Requests of one batch in flight at once, and results that are stored together. */
const lanes = 10;
const unsaved = 64;
const leaseMs = 1_000;

const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
});
const entry = JSON.stringify(new URL("../../js/entry/node.ts", import.meta.url).href);

export function input(count: number): Buffer {
  const line = (i: number) => {
    const body = { model: "m", messages: [{ role: "user", content: `${i}` }] };
    return `${JSON.stringify({ custom_id: `r${i}`, method: "POST", url: endpoint, body })}\n`;
  };
  return Buffer.from(Array.from({ length: count }, (_, i) => line(i)).join(""));
}

/** Batches of `count` requests each that wait to be run, and a service of this process that does not run them. */
async function prepared(store: SharedStore, batchCount: number, count: number) {
  const directory = temporaryDirectory();
  const files = new DiskFiles(join(directory, "files"));
  const { kv, close, isFree = async () => true } = await store.open(directory);
  const inference = { infer: async () => assert.fail("this process runs nothing") };
  const batches = new Batches({ kv, files, inference, models: anyModel, autostart: false });
  const { id: input_file_id } = await files.add([input(count)] as never, { filename: "in.jsonl" });
  const ids: string[] = [];
  for (let i = 0; i < batchCount; i++) {
    ids.push((await batches.create({ input_file_id, endpoint, completion_window })).id);
  }
  const run = () => watch(runner(directory, store));
  return { run, close, isFree, files, kv, batches, ids, count };
}

/**
 * A process that runs what there is to run until it is killed or told to end. It prints the custom id of each call, and what
 * ended the background run.
 */
function runner(directory: string, store: SharedStore): ChildProcess {
  const child = start(
    directory,
    `import { writeSync } from "node:fs";
     import { anyModel, Batches, DiskFiles } from ${entry};
     ${store.source(directory)}
     const say = (text: string) => writeSync(1, text + "\\n");
     const infer = async ({ idempotencyKey, body }) => {
       say("call " + idempotencyKey);
       await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 6));
       return { status: 200, body };
     };
     const batches = new Batches({
       kv,
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
    store.command,
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

/** Has a process stand still, but not in the middle of a write that nobody else gets past. */
async function halt(child: ChildProcess, { isFree }: Store): Promise<void> {
  for (;;) {
    child.kill("SIGSTOP");
    if (await isFree()) return;
    child.kill("SIGCONT");
  }
}

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

/** `kills` are the calls, of 3,000, at which one is killed. */
export function leaseSuite(name: string, shared: SharedStore, kills: number[]): void {
  suite(`Of several processes over ${name}`, { timeout: 180_000 }, () => {
    test("two share the batches, and each request is called once", async () => {
      const store = await prepared(shared, 6, 500);
      const [one, two] = [store.run(), store.run()];
      await ended(store);
      assert.equal(one.calls.length + two.calls.length, 3_000);
      assert.equal(repeated(one, two), 0);
      assert.deepEqual([...one.errors, ...two.errors], []);
      await Promise.all([one.stop(), two.stop()]);
      await store.close();
    });

    for (const at of kills) {
      test(`one is killed at its call ${at} of 3,000, and only what was in flight is called again`, async (t) => {
        const store = await prepared(shared, 1, 3_000);
        const one = store.run();
        await one.made(1);
        const two = store.run();
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
        await store.close();
      });
    }

    test("one that stood still for longer than its lease writes nothing and calls nothing when it goes on", async () => {
      const store = await prepared(shared, 1, 3_000);
      const one = store.run();
      await one.made(300);
      const two = store.run();
      await halt(one.child, store);
      await two.made(100);
      const before = one.calls.length;
      one.child.kill("SIGCONT");
      await ended(store);
      assert.equal(one.calls.length, before, "calls of the one that lost the batch");
      assert.ok(repeated(one, two) <= lanes + unsaved, `${repeated(one, two)} calls were made again`);
      await Promise.all([one.stop(), two.stop()]);
      await store.close();
    });

    test("one that stood still until the batch had ended changes neither the store nor the files", async () => {
      const store = await prepared(shared, 1, 600);
      const one = store.run();
      await one.made(590);
      await halt(one.child, store);
      const two = store.run();
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
      await store.close();
    });

    test("creates with one idempotency key make one batch, and ids of all sort by creation", async () => {
      const directory = temporaryDirectory();
      // Made first, as whatever makes it may do so before the first of them comes.
      const { kv, close } = await shared.open(directory);
      const creator = () =>
        start(
          directory,
          `import { anyModel, Batches, MemoryFiles } from ${entry};
           ${shared.source(directory)}
           const infer = async () => ({ status: 200, body: new Uint8Array() });
           const batches = new Batches({ kv, files: new MemoryFiles(), inference: { infer }, models: anyModel, autostart: false });
           const params = { input_file_id: "file-none", endpoint: "/v1/chat/completions", completion_window: "24h" };
           for (let i = 0; i < 60; i++) {
             const keyed = await batches.create({ ...params, idempotency_key: "key-" + i });
             const { id } = await batches.create(params);
             console.log(JSON.stringify([i, keyed.id, id]));
           }
           process.exit(0);`,
          shared.command,
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
      assert.equal((await kv.list({ prefix: "batch:" })).entries.length, 240);
      await close();
    });
  });
}
