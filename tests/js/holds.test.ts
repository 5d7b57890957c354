/** What keeps an input for its batches, while processes die at any step and stores fail for a while. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
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
import { start } from "./hosts/children.ts";
import { temporaryDirectory } from "./hosts/temp.ts";

const endpoint = "/v1/chat/completions";
const lines = 30;
const input = Array.from({ length: lines }, (_, i) => {
  const body = { model: "m", messages: [{ role: "user", content: "x" }] };
  return `${JSON.stringify({ custom_id: `r${i}`, method: "POST", url: endpoint, body })}\n`;
}).join("");
const answer = { status: 200, body: new TextEncoder().encode("{}") };
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

async function* whole(text: string) {
  yield new TextEncoder().encode(text);
}

const notes = async (kv: KV) => (await kv.list({ prefix: "input:" })).entries.map(([key]) => key);

/**
 * Creates a batch, and runs it, two hours ago; dies at the first call of that kind, before or after it is carried out.
 */
function childThatDies(directory: string, step: string): string {
  return `import { Batches, DiskFiles, SqliteKV, anyModel } from ${JSON.stringify(new URL("../../js/entry/node.ts", import.meta.url).href)};
    const now = Date.now;
    Date.now = () => now() - 7_200_000;
    const die = (when, what) => {
      if (when + " " + what === ${JSON.stringify(step)}) process.kill(process.pid, "SIGKILL");
    };
    const around = async (what, call) => {
      die("before", what);
      const result = await call();
      die("after", what);
      return result;
    };
    const kv = new SqliteKV(${JSON.stringify(join(directory, "kv.db"))});
    const { set, batch } = kv;
    const remove = kv.delete;
    const has = (ops, type, start) => ops.some((op) => op.type === type && op.key.startsWith(start));
    const kindOf = (ops) =>
      has(ops, "set", "input:") ? "the note" : has(ops, "delete", "input:") ? "the end of the note" :
      has(ops, "delete", "run:") ? "the end of the batch" :
      has(ops, "set", "run:") && has(ops, "set", "batch:") ? "the batch" : "others";
    kv.set = (key, value) => around(kindOf([{ type: "set", key }]), () => set.call(kv, key, value));
    kv.delete = (key) => around(kindOf([{ type: "delete", key }]), () => remove.call(kv, key));
    kv.batch = (ops, checks) => around(kindOf(ops), () => batch.call(kv, ops, checks));
    const files = new DiskFiles(${JSON.stringify(join(directory, "files"))});
    const { hold, release } = files;
    files.hold = (...args) => around("the hold", () => hold.apply(files, args));
    files.release = (...args) => around("the release", () => release.apply(files, args));
    const body = new TextEncoder().encode("{}");
    const batches = new Batches({ kv, files, models: anyModel, inference: { infer: async () => ({ status: 200, body }) } });
    console.log("begun");
    const params = { input_file_id: "file-input", endpoint: "/v1/chat/completions", completion_window: "24h" };
    const { id } = await batches.create(params);
    await batches.wait(id, { pollMs: 1 });
    await batches.stop();`;
}

suite("A process that dies", () => {
  const steps = [
    "the note",
    "the hold",
    "the batch",
    "the end of the batch",
    "the release",
    "the end of the note",
  ];
  for (const step of steps.flatMap((what) => [`before ${what}`, `after ${what}`])) {
    test(`${step} loses no input that a batch needs, and leaves none that no batch needs`, async () => {
      const directory = temporaryDirectory();
      const files = new DiskFiles(join(directory, "files"));
      await files.add(whole(input), { id: "file-input" });
      const child = start(directory, childThatDies(directory, step));
      await new Promise((resolve) => child.once("close", resolve));
      assert.equal(child.signalCode, "SIGKILL", "it did not come to this step");

      const kv = new SqliteKV(join(directory, "kv.db"));
      await files.delete("file-input");
      const batches = new Batches({ kv, files, models: anyModel, inference: { infer: async () => answer } });
      for (const { id } of (await batches.list()).data) {
        const done = await batches.wait(id, { pollMs: 5 });
        assert.deepEqual(done.request_counts, { total: lines, completed: lines, failed: 0 });
      }
      while ((await notes(kv)).length > 0) await pause();
      await batches.stop();
      const left = readdirSync(join(directory, "files")).filter((name) => name.startsWith("file-input"));
      assert.deepEqual(left, []);
      kv.close();
    });
  }
});

/** Waits for the first of these that was told. */
function told(): { onError: (error: unknown) => void; texts: string[]; first: Promise<string> } {
  const texts: string[] = [];
  let tell = (_: string) => {};
  const first = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const onError = (error: unknown) => {
    texts.push((error as Error).message);
    tell((error as Error).message);
  };
  return { onError, texts, first };
}

const create = (batches: Batches, input_file_id: string) =>
  batches.create({ input_file_id, endpoint, completion_window: "24h" });

suite("Files that fail for a while", () => {
  test("to release are told of, and release in the same service once they can", async () => {
    const files = new MemoryFiles();
    const kv = new MemoryKV();
    const release = files.release.bind(files);
    let isBroken = true;
    files.release = async (id, holder) => {
      if (isBroken) throw new Error("the disk is away");
      return release(id, holder);
    };
    const { onError, first } = told();
    const batches = new Batches({
      kv,
      files,
      models: anyModel,
      inference: { infer: async () => answer },
      onError,
    });
    const { id: fileId } = await files.add("in.jsonl", input);
    const { id } = await create(batches, fileId);
    await files.delete(fileId);
    assert.equal((await batches.wait(id, { pollMs: 5 })).status, "completed");
    assert.equal(
      await first,
      "edgebatch: inputs of ended batches cannot be released for now: the disk is away",
    );
    assert.deepEqual(await notes(kv), [`input:${id}`]);
    isBroken = false;
    while ((await notes(kv)).length > 0) await pause();
    assert.equal(await files.retrieve(fileId, id), null);
    await batches.stop();
  });

  test("when the service starts are looked at again, and one that stays broken keeps no other", async () => {
    const files = new MemoryFiles();
    const kv = new MemoryKV();
    const [first, second] = ["batch_00000001", "batch_00000002"].map((start) => start.padEnd(38, "0")) as [
      string,
      string,
    ];
    const { id: fileId } = await files.add("in.jsonl", input);
    for (const holder of [first, second]) {
      await files.hold(fileId, holder);
      await kv.set(`input:${holder}`, new TextEncoder().encode(fileId));
    }
    const release = files.release.bind(files);
    let tries = 0;
    files.release = async (id, holder) => {
      if (holder === first && tries++ < 2) throw new Error("the disk is away");
      return release(id, holder);
    };
    const faults = told();
    const { onError } = faults;
    const batches = new Batches({
      kv,
      files,
      models: anyModel,
      inference: { infer: async () => answer },
      onError,
    });
    await faults.first;
    assert.deepEqual(await notes(kv), [`input:${first}`]);
    while ((await notes(kv)).length > 0) await pause();
    await batches.stop();
    assert.equal(tries, 3);
    assert.equal(faults.texts.length, 1, "told once a minute");
  });
});

/** A store on a disk that has no room while `isFull`: reads and deletes go on. */
function onFullDisk(): {
  kv: KV;
  files: Files & { add: MemoryFiles["add"] };
  disk: { isFull: boolean; refused: number };
} {
  const disk = { isFull: false, refused: 0 };
  const room = () => {
    if (!disk.isFull) return;
    disk.refused += 1;
    throw new Error("ENOSPC: no space left on device, write");
  };
  const kv = new MemoryKV();
  const { set, batch } = kv;
  kv.set = async (key, value) => {
    room();
    return set.call(kv, key, value);
  };
  kv.batch = async (ops, checks) => {
    room();
    return batch.call(kv, ops, checks);
  };
  const files = new MemoryFiles();
  const make = files.create.bind(files);
  files.create = async (options) => {
    const writer = await make(options);
    const write = async (part: Uint8Array) => {
      room();
      return writer.write(part);
    };
    const complete = async () => {
      room();
      return writer.complete();
    };
    return { ...writer, write, complete };
  };
  return { kv, files, disk };
}

suite("A full disk", () => {
  for (const after of [0, 10, lines]) {
    test(`that fills up after ${after} answers ends the turn, is told of, and costs nothing once there is room`, async (t) => {
      // A turn tries for most of a minute before it ends.
      t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
      let isOver = false;
      const clock = (async () => {
        for (; !isOver; t.mock.timers.tick(20)) await new Promise(setImmediate);
      })();
      t.after(() => {
        isOver = true;
        return clock;
      });
      const { kv, files, disk } = onFullDisk();
      const { onError, first, texts } = told();
      let answered = 0;
      const infer = async () => {
        answered += 1;
        if (answered === after) disk.isFull = true;
        return answer;
      };
      const batches = new Batches({ kv, files, models: anyModel, inference: { infer }, onError });
      const { id: fileId } = await files.add("in.jsonl", input);
      const { id } = await create(batches, fileId);
      if (after === 0) disk.isFull = true;
      const message = await first;
      assert.ok(message.startsWith(`edgebatch: batch ${id} cannot continue for now: `), message);
      assert.match(message, /ENOSPC: no space left on device/);
      // The lease is asked for once; what a turn has in hand is worth more tries.
      assert.ok(disk.refused >= (after === 0 ? 1 : 10), `${disk.refused} tries`);
      assert.ok(answered <= lines, "no line was asked for again while nothing could be stored");
      disk.isFull = false;
      const done = await batches.wait(id, { pollMs: 20 });
      await batches.stop();
      assert.equal(done.status, "completed");
      assert.deepEqual(done.request_counts, { total: lines, completed: lines, failed: 0 });
      const output = await files.read(done.output_file_id as string, 0, 1 << 20);
      const results = new TextDecoder().decode(output).trim().split("\n");
      const ids = results.map((line) => JSON.parse(line).custom_id);
      assert.deepEqual(
        ids,
        Array.from({ length: lines }, (_, i) => `r${i}`),
      );
      assert.ok(texts.length <= 2, texts.join("\n"));
    });
  }
});
