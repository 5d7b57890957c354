/** Guards against calls that never settle: adapters that break their promises, and a core that stops. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Inference, KV } from "../../js/core/types.ts";
import {
  type Core,
  guarded,
  keptTurns,
  running,
  setCore,
  setTurns,
  type TurnsCore,
  validatorCore,
} from "../../js/core/wasm.ts";
import {
  Batches,
  CorePanicError,
  echoInference,
  echoModels,
  MemoryFiles,
  MemoryKV,
} from "../../js/entry/node.ts";

/** As the entry loaded it: stand-ins take its place below. */
const real = validatorCore();

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
  }
  class Turns {
    serve() {
      resolve();
      return new Promise<never>(() => {});
    }
  }
  setCore({ Service, onPanic: () => {}, __wbg_reset_state: () => {} } as unknown as Core);
  const turns = {
    Turns,
    onPanic: (callback: typeof stop) => {
      stop = callback;
    },
    __wbg_reset_state: () => {},
  };
  setTurns(() => turns as unknown as TurnsCore);
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

test("what runs batches is made anew after it stopped, and only then; the calls beside it are left alone", async () => {
  try {
    setCore({ onPanic: () => {}, __wbg_reset_state: () => {} } as unknown as Core);
    let stop: (message: string) => void = () => assert.fail("nobody listens");
    let made = 0;
    let loads = 0;
    class Turns {
      readonly number = ++made;
    }
    const standIn = {
      Turns,
      onPanic: (callback: typeof stop) => {
        stop = callback;
      },
      __wbg_reset_state: () => {},
    };
    setTurns(() => {
      loads += 1;
      if (loads === 1) throw new Error("no network");
      return standIn as unknown as TurnsCore;
    });
    const kept = keptTurns({});
    const number = () => running(kept, async (turns) => (turns as unknown as Turns).number);
    await assert.rejects(number(), /no network/);
    assert.deepEqual([await number(), await number(), made, loads], [1, 1, 1, 2]);
    const beside = guarded(new Promise((resolve) => setImmediate(resolve, "went on")));
    const ended = running(kept, () => new Promise(() => {}));
    await Promise.resolve();
    stop("index out of bounds");
    await assert.rejects(ended, CorePanicError);
    assert.deepEqual([await number(), await number(), loads], [2, 2, 2]);
    assert.equal(await beside, "went on");
  } finally {
    setCore(real);
  }
});

test("a service without what runs batches creates and shows them, and says what it lacks when it is to run one", async () => {
  setCore(real);
  setTurns(() => Promise.reject(new Error("404")));
  const told: unknown[] = [];
  const batches = new Batches({ ...adapters(), autostart: false, onError: (error) => told.push(error) });
  const params = {
    input_file_id: "file-1",
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  } as const;
  const { id } = await batches.create(params);
  assert.equal((await batches.retrieve(id)).status, "validating");
  await assert.rejects(batches.runTurn(id), /404/);
  batches.start();
  await assert.rejects(batches.served(), /404/);
  assert.match(String(told[0]), /404/);
});
