/** Guards against calls that never settle: adapters that break their promises, and a core that stops. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Inference, KV } from "../../js/core/types.ts";
import { type Core, guarded, Kept, setCore, validatorCore } from "../../js/core/wasm.ts";
import {
  Batches,
  CorePanicError,
  echoInference,
  echoModels,
  MemoryFiles,
  MemoryKV,
} from "../../js/entry/node.ts";

const line = JSON.stringify({
  custom_id: "one",
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: "echo-1", messages: [{ role: "user", content: "hello" }] },
});

async function prepared(options: { kv?: KV; inference?: Inference } = {}) {
  const files = new MemoryFiles();
  const input = await files.add("input.jsonl", new TextEncoder().encode(line));
  const { kv = new MemoryKV(), inference = echoInference() } = options;
  const batches = new Batches({ kv, files, inference, models: echoModels, autostart: false, maxAttempts: 1 });
  const { id } = await batches.create({
    ...{ input_file_id: input.id, endpoint: "/v1/chat/completions", completion_window: "24h" },
  });
  return { batches, id };
}

test("an adapter that throws at once, instead of rejecting, is a fault like any other", async () => {
  const kv = new MemoryKV();
  const list = kv.list.bind(kv);
  let faults = 0;
  kv.list = (query) => {
    faults += 1;
    if (faults === 1) throw new Error("thrown, not rejected");
    return list(query);
  };
  const { batches, id } = await prepared({ kv });
  let end = await batches.runTurn(id);
  while (end.state !== "terminal") end = await batches.runTurn(id);
  assert.ok(faults > 1);
  assert.equal((await batches.retrieve(id)).status, "completed");
});

for (const [what, answer] of [
  ["nothing at all", undefined],
  ["a string for a body", { status: 200, body: "{}" }],
  ["no status", { body: new Uint8Array() }],
  ["a number for a request id", { status: 200, body: new TextEncoder().encode("{}"), requestId: 7 }],
] as const) {
  test(`a model server's adapter that gives ${what} fails its line, not the run`, async () => {
    const { batches, id } = await prepared({ inference: { infer: async () => answer as never } });
    assert.equal((await batches.runTurn(id)).state, "terminal");
    const batch = await batches.retrieve(id);
    assert.equal(batch.status, "completed");
    assert.deepEqual(batch.request_counts, { total: 1, completed: 0, failed: 1 });
  });
}

/** A core of which only the background run is asked for; it runs until it is stopped by a defect. */
function brokenCore() {
  let stop: (message: string) => void = () => assert.fail("nobody listens");
  const { promise: serving, resolve } = Promise.withResolvers<void>();
  class Service {
    async retrieve() {
      return [{ status: "in_progress" }, undefined];
    }
    serve() {
      resolve();
      return new Promise<never>(() => {});
    }
  }
  setCore({
    Service,
    onPanic: (callback: typeof stop) => {
      stop = callback;
    },
    __wbg_reset_state: () => {},
  } as unknown as Core);
  return { serving, stop: (message: string) => stop(message) };
}

const adapters = () => ({
  ...{ kv: new MemoryKV(), files: new MemoryFiles(), inference: echoInference(), models: echoModels },
});

test("a background run that ends by a defect says so once, and is not left unhandled", async () => {
  const { serving, stop } = brokenCore();
  const told: unknown[] = [];
  const batches = new Batches({ ...adapters(), onError: (error) => told.push(error) });
  const waiting = batches.wait("batch_1", { pollMs: 1 });
  await serving;
  stop("index out of bounds");
  await assert.rejects(waiting, CorePanicError);
  await assert.rejects(batches.served(), CorePanicError);
  await batches.stop();
  assert.equal(told.length, 1);
  assert.ok(told[0] instanceof CorePanicError);
});

test("what ends the background run is printed where nobody asked to be told, or who did fails", async (t) => {
  const printed = t.mock.method(console, "error", () => {}).mock;
  const fails = () => {
    throw new Error("the listener's own");
  };
  for (const options of [{}, { onError: fails }]) {
    const { serving, stop } = brokenCore();
    const batches = new Batches({ ...adapters(), ...options });
    await serving;
    stop("index out of bounds");
    await assert.rejects(batches.served(), CorePanicError);
    await batches.stop();
  }
  const [first, second] = printed.calls.map(({ arguments: [error] }) => String(error));
  assert.match(String(first), /CorePanicError: .*index out of bounds/);
  assert.match(String(second), /the listener's own/);
});

test("a core that stops ends the calls under way, and the next ones get a fresh one", async () => {
  let stop: (message: string) => void = () => assert.fail("nobody listens");
  let resets = 0;
  setCore({
    onPanic: (callback: typeof stop) => {
      stop = callback;
    },
    __wbg_reset_state: () => {
      resets += 1;
    },
  } as unknown as Core);
  const call = guarded(new Promise(() => {}));
  assert.equal(await guarded(Promise.resolve("settled before")), "settled before");
  stop("index out of bounds");
  await assert.rejects(
    call,
    (error) => error instanceof CorePanicError && /out of bounds/.test(error.message),
  );
  assert.equal(resets, 1);
  const next = guarded(new Promise(() => {}));
  stop("again");
  await assert.rejects(next, CorePanicError);
  assert.equal(resets, 2);
});

test("an object of the core is made anew after the core stopped, and only then", async () => {
  const real = validatorCore();
  try {
    let stop: (message: string) => void = () => assert.fail("nobody listens");
    const standIn: Partial<Core> = {
      onPanic: (callback) => {
        stop = callback;
      },
      __wbg_reset_state: () => {},
    };
    setCore(standIn as Core);
    let made = 0;
    const kept = new Kept(() => ++made);
    assert.deepEqual([kept.get(), kept.get()], [1, 1]);
    stop("index out of bounds");
    assert.equal(kept.get(), 1);
    await Promise.resolve();
    assert.deepEqual([kept.get(), kept.get()], [2, 2]);
  } finally {
    setCore(real);
  }
});
