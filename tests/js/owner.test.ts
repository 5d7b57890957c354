/** One service at a time runs the batches of a store that takes no checks, whoever asks, and whenever. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, suite, test } from "node:test";
import {
  anyModel,
  Batches,
  type BatchesOptions,
  DiskFiles,
  type KV,
  MemoryFiles,
  MemoryKV,
  SqliteKV,
  StoreInUseError,
} from "../../js/entry/node.ts";
import { start } from "./hosts/children.ts";
import { temporaryDirectory } from "./hosts/temp.ts";

const endpoint = "/v1/chat/completions";
const count = 600;
const held = 500;
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
});
const entry = JSON.stringify(new URL("../../js/entry/node.ts", import.meta.url).href);

const input = Array.from({ length: count }, (_, i) => {
  const body = { model: "m", messages: [{ role: "user", content: `${i}` }] };
  return `${JSON.stringify({ custom_id: `r${i}`, method: "POST", url: endpoint, body })}\n`;
}).join("");

/** The store as one that takes no checks. */
function unchecked<T extends KV>(kv: T): T {
  return Object.defineProperty(kv, "caps", { value: { ...kv.caps, checks: false } });
}

/** A batch that waits to be run, in a folder of its own, and a service of this process that does not run it. */
async function prepared() {
  const directory = temporaryDirectory();
  const files = new DiskFiles(join(directory, "files"));
  const kv = unchecked(new SqliteKV(join(directory, "batches.db")));
  const answer = { status: 200, body: new TextEncoder().encode("{}") };
  const inference = { infer: async () => answer };
  const options = { kv, files, inference, models: anyModel };
  const batches = new Batches({ ...options, autostart: false });
  const { id: input_file_id } = await files.add([Buffer.from(input)] as never, { filename: "in.jsonl" });
  const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
  return { directory, files, kv, batches, id };
}

/**
 * A process that runs what there is to run and waits for the batch. It prints `refused …` when it may not, `call` for
 * each call of the model, and `over` in the end. The last calls are answered once there is a file `go`.
 */
function runner(directory: string, id: string): ChildProcess {
  const child = start(
    directory,
    `import { existsSync, writeSync } from "node:fs";
     import { anyModel, Batches, DiskFiles, SqliteKV } from ${entry};
     const say = (text: string) => writeSync(1, text + "\\n");
     const body = new TextEncoder().encode("{}");
     let calls = 0;
     const infer = async () => {
       say("call");
       calls += 1;
       do await new Promise((resolve) => setTimeout(resolve, 2));
       while (calls > ${held} && !existsSync(${JSON.stringify(join(directory, "go"))}));
       return { status: 200, body };
     };
     const kv = new SqliteKV(${JSON.stringify(join(directory, "batches.db"))});
     Object.defineProperty(kv, "caps", { value: { ...kv.caps, checks: false } });
     const batches = new Batches({
       kv,
       files: new DiskFiles(${JSON.stringify(join(directory, "files"))}),
       inference: { infer },
       models: anyModel,
       onError: (error) => say("refused " + JSON.stringify(error)),
     });
     say("started");
     await batches.wait(${JSON.stringify(id)}, { pollMs: 5 });
     await batches.stop();
     say("over");`,
  );
  children.push(child);
  return child;
}

/** Gathers what a child prints, and waits for a number of lines that match. */
function watch(child: ChildProcess) {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  if (child.stdout === null) throw new Error("no output");
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const look of [...waiting]) look();
  });
  const matching = (start: string) => lines.filter((line) => line.startsWith(start));
  return {
    closed,
    matching,
    until: (start: string, least = 1) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (matching(start).length < least) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        void closed.then(() => reject(new Error(`ended before ${least} × ${start}: ${lines.slice(-3)}`)));
        look();
      }),
  };
}

/** The custom ids of the batch's output file, which must have completed. */
async function outcome({ batches, files, id }: Awaited<ReturnType<typeof prepared>>): Promise<string[]> {
  const batch = await batches.retrieve(id);
  assert.deepEqual([batch.status, batch.error_file_id], ["completed", null]);
  assert.deepEqual(batch.request_counts, { total: count, completed: count, failed: 0 });
  const file = await files.retrieve(batch.output_file_id as string);
  const text = Buffer.from(await files.read(batch.output_file_id as string, 0, file?.bytes ?? 0)).toString();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).custom_id);
}

const everyId = Array.from({ length: count }, (_, i) => `r${i}`);

suite("Of several processes over one store", { timeout: 60_000 }, () => {
  for (const [when, processes, calls] of [
    ["that start at the same moment", 2, 0],
    ["that start at the same moment, three of them", 3, 0],
    ["of which the second starts at the first call", 2, 1],
    ["of which the second starts half way through", 2, count / 2],
  ] as const) {
    test(`${when}, one runs the batch and makes each call once`, async ({ signal }) => {
      const store = await prepared();
      const first = watch(runner(store.directory, store.id));
      if (calls > 0) await first.until("call", calls);
      const rest = Array.from({ length: processes - 1 }, () => watch(runner(store.directory, store.id)));
      const all = [first, ...rest];
      const refused = () => all.filter(({ matching }) => matching("refused").length === 1).length;
      while (refused() < processes - 1) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      writeFileSync(join(store.directory, "go"), "");
      const statuses = await Promise.all(all.map(({ closed }) => closed));
      assert.deepEqual(
        statuses,
        all.map(() => 0),
      );
      for (const { matching } of all) assert.equal(matching("over").length, 1);
      const made = all.map(({ matching }) => matching("call").length).filter((calls) => calls > 0);
      assert.deepEqual(made, [count]);
      assert.equal(refused(), processes - 1);
      assert.deepEqual(await outcome(store), everyId);
      store.kv.close();
    });
  }

  test("a second one hears who runs it, works besides, and takes over once that one is killed", async () => {
    const store = await prepared();
    const { batches, id } = store;
    const child = runner(store.directory, id);
    const first = watch(child);
    await first.until("call", 100);
    await assert.rejects(batches.runTurn(id), (error) => {
      assert.ok(error instanceof StoreInUseError);
      assert.equal(error.holder?.pid, child.pid);
      assert.equal(error.holder?.host, hostname());
      assert.ok(Math.abs((error.holder?.since ?? 0) - Date.now() / 1000) < 600);
      assert.match(error.message, new RegExp(`process ${child.pid} on .* already, since .*T`));
      return true;
    });
    const params = { input_file_id: "file-none", endpoint, completion_window: "24h" };
    const other = await batches.create(params);
    assert.equal((await batches.cancel(other.id)).status, "cancelling");
    assert.equal((await batches.list()).data.length, 2);
    child.kill("SIGKILL");
    await first.closed;
    batches.start();
    await batches.wait(id, { pollMs: 5 });
    await batches.stop();
    await batches.served();
    assert.deepEqual(await outcome(store), everyId);
    store.kv.close();
  });

  test("the one whose background run is refused lives on, without a listener too", async () => {
    const store = await prepared();
    const lock = await store.kv.lock();
    const path = JSON.stringify(join(store.directory, "batches.db"));
    const source = `import { anyModel, Batches, echoInference, MemoryFiles, SqliteKV } from ${entry};
      const files = new MemoryFiles();
      const kv = new SqliteKV(${path});
      Object.defineProperty(kv, "caps", { value: { ...kv.caps, checks: false } });
      const batches = new Batches({ kv, files, inference: echoInference(), models: anyModel });
      await batches.served().catch((error) => console.log(error.name));
      console.log((await batches.list()).data.length);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: "pipe" });
    let [out, err] = ["", ""];
    child.stdout.on("data", (part) => {
      out += part;
    });
    child.stderr.on("data", (part) => {
      err += part;
    });
    assert.equal(await new Promise((resolve) => child.once("close", resolve)), 0);
    assert.equal(out, "StoreInUseError\n1\n");
    assert.match(err, /StoreInUseError: .*process \d+ on .* runs the batches of .*batches\.db already/);
    await lock.release();
    store.kv.close();
  });
});

suite("Of two services in one process", () => {
  const rest = () => ({
    files: new MemoryFiles(),
    inference: { infer: async () => ({ status: 200, body: new TextEncoder().encode("{}") }) },
    models: anyModel,
  });
  const service = (kv: KV, options: Partial<BatchesOptions> = {}) =>
    new Batches({ kv, ...rest(), onError: () => {}, ...options });

  test("the second is refused by a store in memory, until the first has stopped", async () => {
    const kv = unchecked(new MemoryKV());
    const [first, second] = [service(kv), service(kv)];
    await assert.rejects(second.served(), StoreInUseError);
    await first.stop();
    second.start();
    const third = service(kv);
    await assert.rejects(third.served(), StoreInUseError);
    await second.stop();
    await second.served();
  });

  test("the second is refused by one SQLite file, whatever path leads there", async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, "real"));
    symlinkSync(join(directory, "real"), join(directory, "folder"));
    const path = join(directory, "real", "kv.db");
    const kv = unchecked(new SqliteKV(path));
    symlinkSync(path, join(directory, "kv.db"));
    const first = service(kv);
    for (const other of [path, join(directory, "folder", "kv.db"), join(directory, "kv.db")]) {
      const second = unchecked(new SqliteKV(other));
      await assert.rejects(
        service(second).served(),
        (error) => error instanceof StoreInUseError && error.holder?.pid === process.pid,
      );
      second.close();
    }
    await first.stop();
    const again = unchecked(new SqliteKV(path));
    const next = service(again);
    await next.stop();
    await next.served();
    again.close();
    kv.close();
  });

  test("closing the store lets go of it", async () => {
    const path = join(temporaryDirectory(), "kv.db");
    const kv = new SqliteKV(path);
    const lock = await kv.lock();
    const other = new SqliteKV(path);
    await assert.rejects(other.lock(), StoreInUseError);
    kv.close();
    const next = await other.lock();
    await lock.release();
    await assert.rejects(new SqliteKV(path).lock(), StoreInUseError);
    await next.release();
    other.close();
  });

  test("stores in memory of their own do not know of each other", async () => {
    const [a, b] = [unchecked(new SqliteKV(":memory:")), unchecked(new SqliteKV(":memory:"))];
    const services = [service(a), service(b)];
    for (const one of services) await one.stop();
    for (const one of services) await one.served();
    a.close();
    b.close();
  });

  test("turns of one service run side by side", async () => {
    const kv = unchecked(new SqliteKV(join(temporaryDirectory(), "kv.db")));
    const files = new MemoryFiles();
    const batches = service(kv, { files, autostart: false });
    const { id: input_file_id } = await files.add("in.jsonl", input);
    const params = { input_file_id, endpoint, completion_window: "24h" };
    const ids = [await batches.create(params), await batches.create(params)].map(({ id }) => id);
    const ends = await Promise.all(ids.map((id) => batches.runTurn(id)));
    assert.deepEqual(
      ends.map(({ state }) => state),
      ["terminal", "terminal"],
    );
    await (await kv.lock()).release();
    kv.close();
  });
});
