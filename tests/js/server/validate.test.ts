/** Guards what POST /v1/batches/validate stands on, on no platform at all. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { ResourceNotFoundError } from "../../../js/core/errors.ts";
import type { Models } from "../../../js/core/types.ts";
import "../../../js/entry/node.ts";
import { inputTokens } from "../../../js/core/estimate.ts";
import { echoInference } from "../../../js/hosts/inference/echo.ts";
import { app } from "../../../js/server/app.ts";
import { runSeconds } from "../../../js/server/estimate.ts";
import { Incoming } from "../../../js/server/incoming.ts";
import { ModelServers } from "../../../js/server/upstreams/upstreams.ts";
import { chatLines } from "../worker/server.ts";
import { ports } from "./memory.ts";
import { request, scripted } from "./model-servers.ts";

const jsonl = { "content-type": "application/jsonl" };
const validated = async (
  here: ReturnType<typeof ports>,
  body: string,
  headers: Record<string, string> = {},
) => {
  const init = { method: "POST", headers: { ...jsonl, ...headers }, body };
  return app.fetch(new Request("http://localhost/v1/batches/validate", init), here);
};

function withModels(models: Models, more: object = {}) {
  return ports({
    service: () => ({ autostart: false, dialect: "openai", inference: echoInference(), models, ...more }),
  });
}

test("the models are those that the tenant's batches may name, and a refusal of the store's kind is a no", async () => {
  const here = withModels({
    async has(model) {
      if (model === "gone") throw new ResourceNotFoundError("no such model");
      return model === "mine";
    },
  });
  const lines = chatLines(1, "mine") + chatLines(2, "other").slice(chatLines(1, "other").length);
  const found = await (await validated(here, lines)).json();
  assert.deepEqual([found.error_count, found.errors.data[0].line], [1, 2]);
  assert.equal(
    (await (await validated(here, chatLines(1, "gone"))).json()).errors.data[0].code,
    "model_not_found",
  );
});

test("a model server that does not say which models it has is a 503, not a verdict", async () => {
  const here = withModels({ has: () => Promise.reject(new Error("The model server 'a' does not say now.")) });
  const answer = await validated(here, chatLines(1));
  assert.equal(answer.status, 503);
  assert.match(
    (await answer.json()).error.message,
    /^The model server 'a' does not say now\. Please try again/,
  );
});

test("the settings of the server are those of the check: dialect, one model, lines", async () => {
  const any = { has: async () => true };
  const lines = chatLines(1, "a") + chatLines(1, "b").replace("request-0", "b");
  const code = async (more: object, body = lines) =>
    (await (await validated(withModels(any, more), body)).json()).errors.data[0]?.code;
  assert.equal(await code({}), undefined);
  assert.equal(await code({ singleModel: true }), "mismatched_model");
  assert.equal(await code({ limits: { maxLineBytes: 50 } }), "line_too_long");
  assert.equal(await code({ limits: { maxRequests: 1 } }), "too_many_tasks");
  assert.equal(await code({ dialect: "reference" }, "\n"), undefined);
});

test("a body that ends before its length says so is refused", async () => {
  const here = withModels({ has: async () => true });
  const answer = await validated(here, chatLines(1), { "content-length": "1000" });
  assert.equal(answer.status, 400);
  assert.match((await answer.json()).error.message, /shorter than it says/);
});

test("what breaks a body off reaches the caller of the check, and not the core's words for it", async () => {
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(chatLines(1))),
    pull: (controller) => controller.error(new Error("the client is gone")),
  });
  const init = { method: "POST", headers: { ...jsonl, "content-length": "900" }, body: broken };
  const logged: string[] = [];
  const { error } = console;
  console.error = (text: string) => void logged.push(text);
  try {
    const sent = new Request("http://localhost/v1/batches/validate", { ...init, ...{ duplex: "half" } });
    assert.equal((await app.fetch(sent, ports())).status, 500);
  } finally {
    console.error = error;
  }
  assert.match(logged.join(), /the client is gone/);
});

test("a body is looked at and then read, whole, whatever its pieces", async () => {
  const bytes = Uint8Array.from({ length: 1_000 }, (_, i) => i);
  for (const size of [1, 7, 256, 999, 1_000]) {
    const pieces = Array.from({ length: Math.ceil(1_000 / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size),
    );
    const incoming = new Incoming(new Blob(pieces).stream(), 1_000, () => new Error("too large"));
    await incoming.look();
    await incoming.look();
    const read: number[] = [];
    for (let piece = await incoming.read(300); piece.length > 0; piece = await incoming.read(300)) {
      assert.equal(piece.length, Math.min(300, 1_000 - read.length));
      read.push(...piece);
    }
    assert.deepEqual(Uint8Array.from(read), bytes);
  }
  const long = new Incoming(new Blob([bytes]).stream(), 999, () => new Error("too large"));
  await assert.rejects(long.read(5), /too large/);
});

test("tokens are between what dense and what sparse text has, and at least one a request", () => {
  assert.deepEqual(inputTokens(10, 100), { low: 10, high: 50 });
  assert.deepEqual(inputTokens(10, 9_280), { low: 1_000, high: 4_640 });
  assert.deepEqual(inputTokens(0, 0), { low: 0, high: 0 });
});

test("pools run beside each other, and models of one after the other; one that was never measured is unknown", () => {
  const paces: Record<string, { pool: string; seconds: number; concurrency: number }> = {
    a: { pool: "1", seconds: 2, concurrency: 10 },
    b: { pool: "1", seconds: 2, concurrency: 10 },
    c: { pool: "2", seconds: 30, concurrency: 1 },
  };
  const of = (counts: Record<string, number>, more = 0) => {
    const models = Object.entries(counts).map(([name, count]) => ({ name, count }));
    const total = models.reduce((sum, { count }) => sum + count, more);
    return runSeconds(total, { models }, (model) => paces[model ?? ""] ?? null);
  };
  assert.deepEqual(of({ a: 50, b: 51 }), { low: 11, high: 44 });
  assert.deepEqual(of({ a: 50, b: 50, c: 2 }), { low: 30, high: 120 });
  assert.equal(of({ a: 50, d: 1 }), null);
  assert.equal(of({ a: 50 }, 1), null);
});

test("a pool's pace is measured by its batches, over its servers", async () => {
  const servers = [
    scripted("one", { models: ["m"], concurrency: 3 }),
    scripted("two", { models: ["m", "n"], concurrency: 4 }),
  ];
  const upstreams = new ModelServers({ servers });
  assert.deepEqual([upstreams.pace("m"), upstreams.pace(undefined)], [null, null]);
  const { signal } = new AbortController();
  await upstreams.inference("t", "batch").infer(request("one+two"), signal);
  const pace = upstreams.pace("m");
  assert.deepEqual([pace?.pool, pace?.concurrency], ["one+two", 7]);
  assert.ok((pace?.seconds ?? -1) >= 0);
  const one = new ModelServers({ servers: [scripted("one", { concurrency: 3 })] });
  await one.inference("t", "batch").infer(request(), signal);
  assert.deepEqual([one.pace(undefined)?.concurrency, one.pace("any")?.pool], [3, ""]);
});
