/** An input that users delete stays for the batches that need it, and goes with the last of them. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  anyModel,
  Batches,
  DiskFiles,
  type Files,
  type KV,
  MemoryFiles,
  MemoryKV,
  SqliteKV,
} from "../../js/entry/node.ts";
import { temporaryDirectory } from "./hosts/temp.ts";

const endpoint = "/v1/chat/completions";
const body = new TextEncoder().encode("{}");
/** Larger than what is read ahead: most of it is read after the first answer. */
const lines = 600;
const input = Array.from({ length: lines }, (_, i) => {
  const content = "x".repeat(8_000);
  const body = { model: "m", messages: [{ role: "user", content }] };
  return `${JSON.stringify({ custom_id: `r${i}`, method: "POST", url: endpoint, body })}\n`;
}).join("");

async function* whole(text: string) {
  yield new TextEncoder().encode(text);
}

type Deletable = Files & { delete(id: string): Promise<unknown> };

interface Stores {
  kv: KV;
  files: Deletable;
  add(text: string): Promise<string>;
  /** Whether any bytes of an input are left. */
  isEmpty(): boolean;
  /** As a new process finds them. */
  reopen?(): Stores;
}

function inMemory(): Stores {
  const files = new MemoryFiles();
  let withInput = 0;
  const add = async (text: string) => {
    const { id } = await files.add("in.jsonl", text);
    withInput = memoryOfBytes();
    return id;
  };
  const isEmpty = () => withInput - memoryOfBytes() > 0.8 * input.length;
  return { kv: new MemoryKV(), files, add, isEmpty };
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What all arrays of bytes take that anyone still has. */
function memoryOfBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

function onDisk(directory = temporaryDirectory()): Stores {
  const files = new DiskFiles(join(directory, "files"));
  const kv = new SqliteKV(join(directory, "kv.db"));
  const add = async (text: string) => (await files.add(whole(text), { id: "file-input" })).id;
  const isEmpty = () => !readdirSync(join(directory, "files")).some((name) => name.startsWith("file-input"));
  const reopen = () => {
    kv.close();
    return onDisk(directory);
  };
  return { kv, files, add, isEmpty, reopen };
}

/** A model that waits to be told, and says when it was first asked. */
function model() {
  let asked = () => {};
  let go = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const mayAnswer = new Promise<void>((resolve) => {
    go = resolve;
  });
  const infer = async () => {
    asked();
    await mayAnswer;
    return { status: 200, body };
  };
  return { infer, isAsked, go };
}

function service({ kv, files }: Stores, infer = model().infer, autostart = true) {
  return new Batches({ kv, files, inference: { infer }, models: anyModel, autostart });
}

const create = (batches: Batches, input_file_id: string) =>
  batches.create({ input_file_id, endpoint, completion_window: "24h" });

async function isHeldByNone({ kv }: Stores): Promise<void> {
  assert.deepEqual((await kv.list({ prefix: "input:" })).entries, []);
}

/** Waits until no bytes of an input are left. Arrays that nobody has any more are swept in the background. */
async function isEmpty(stores: Stores): Promise<void> {
  for (let tries = 0; !stores.isEmpty(); tries++) {
    assert.ok(tries < 250, "bytes of an input are left");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const [where, open] of [
  ["in memory", inMemory],
  ["on disk", () => onDisk()],
] as const) {
  suite(`An input ${where} that is deleted`, () => {
    test("while its batch runs is there for it, and for nobody else", async () => {
      const stores = open();
      const { infer, isAsked, go } = model();
      const batches = service(stores, infer);
      const id = await stores.add(input);
      const batch = await create(batches, id);
      await isAsked;
      await stores.files.delete(id);
      assert.equal(await stores.files.retrieve(id), null);
      const late = await create(batches, id);
      go();
      const done = await batches.wait(batch.id, { pollMs: 5 });
      assert.deepEqual(done.request_counts, { total: lines, completed: lines, failed: 0 });
      assert.equal((await batches.wait(late.id, { pollMs: 5 })).status, "failed");
      await batches.stop();
      await isEmpty(stores);
      await isHeldByNone(stores);
    });

    test("while its batches are queued is there until the last has ended", async () => {
      const stores = open();
      const idle = service(stores, undefined, false);
      const id = await stores.add(input);
      const two = [await create(idle, id), await create(idle, id)];
      await stores.files.delete(id);
      const { infer, go } = model();
      go();
      const batches = service(stores, infer);
      for (const { id } of two) {
        const done = await batches.wait(id, { pollMs: 5 });
        assert.deepEqual(done.request_counts, { total: lines, completed: lines, failed: 0 });
      }
      await batches.stop();
      await isEmpty(stores);
      await isHeldByNone(stores);
    });
  });
}

suite("After a restart", () => {
  test("a batch finds the input that was deleted while it ran", async () => {
    const before = onDisk();
    const { infer, isAsked, go } = model();
    const first = service(before, infer);
    const id = await before.add(input);
    const { id: batch } = await create(first, id);
    await isAsked;
    await before.files.delete(id);
    const stopped = first.stop();
    go();
    await stopped;
    const stores = (before.reopen as () => Stores)();
    assert.equal(stores.isEmpty(), false);
    const second = service(stores, async () => ({ status: 200, body }));
    const done = await second.wait(batch, { pollMs: 5 });
    assert.deepEqual(done.request_counts, { total: lines, completed: lines, failed: 0 });
    await second.stop();
    await isEmpty(stores);
  });

  test("what batches held that ended, or never came to be, is released", async () => {
    const stores = onDisk();
    const id = await stores.add(input);
    const batches = service(stores, async () => ({ status: 200, body }), false);
    const { id: batch } = await create(batches, id);
    const { hold } = stores.files as Required<Files>;
    const old = `batch_0000000100000000000000000000000000`.slice(0, 38);
    const young = `batch_${Math.floor(Date.now() / 1000).toString(16)}000000000000000000000000`;
    for (const holder of [old, young]) {
      await hold.call(stores.files, id, holder);
      await stores.kv.set(`input:${holder}`, new TextEncoder().encode(id));
    }
    // As if the process had died between the end of the batch and the release.
    const json = JSON.parse(new TextDecoder().decode((await stores.kv.get(`batch:${batch}`)) as Uint8Array));
    await stores.kv.set(
      `batch:${batch}`,
      new TextEncoder().encode(JSON.stringify({ ...json, status: "completed" })),
    );
    await stores.kv.delete(`run:${batch}`);
    await stores.files.delete(id);
    const second = service(stores);
    while ((await stores.kv.list({ prefix: "input:" })).entries.length > 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await second.stop();
    const [only] = (await stores.kv.list({ prefix: "input:" })).entries;
    assert.equal(only?.[0], `input:${young}`);
    assert.equal(await stores.files.retrieve(id, batch), null);
    assert.ok(await stores.files.retrieve(id, young));
  });
});

suite("A store that fails for a while", () => {
  test("is heard of, once, and its batch goes on", async () => {
    const stores = inMemory();
    let broken = true;
    const list = stores.kv.list.bind(stores.kv);
    const get = stores.kv.get.bind(stores.kv);
    stores.kv.list = async (query) => {
      if (broken && query.prefix === "run:") throw new Error("no space left");
      return list(query);
    };
    const heard: string[] = [];
    let told = () => {};
    const isTold = new Promise<void>((resolve) => {
      told = resolve;
    });
    let looks = 0;
    stores.kv.get = async (key) => {
      if (key.startsWith("run:")) looks += 1;
      return get(key);
    };
    const batches = new Batches({
      kv: stores.kv,
      files: stores.files,
      inference: { infer: async () => ({ status: 200, body }) },
      models: anyModel,
      onError: (error) => {
        heard.push((error as Error).message);
        told();
      },
    });
    const { id } = await create(batches, await stores.add(input));
    await isTold;
    broken = false;
    assert.equal((await batches.wait(id, { pollMs: 5 })).status, "completed");
    await batches.stop();
    assert.deepEqual(heard, ["edgebatch: batches cannot continue for now: no space left"]);
    assert.ok(looks > 0);
  });

  test("so that a checkpoint cannot be read names the batch", async () => {
    const stores = inMemory();
    const idle = service(stores, undefined, false);
    const { id } = await create(idle, await stores.add(input));
    await stores.kv.set(`run:${id}`, new TextEncoder().encode('{"version":2}'));
    const message = await new Promise<string>((resolve) => {
      const batches = new Batches({
        kv: stores.kv,
        files: stores.files,
        inference: { infer: async () => ({ status: 200, body }) },
        models: anyModel,
        onError: (error) => {
          resolve((error as Error).message);
          batches.stop();
        },
      });
    });
    assert.ok(message.startsWith(`edgebatch: batch ${id} cannot continue for now: `), message);
  });
});
