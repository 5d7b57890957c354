/** The library's batches while they run: read as they go on, and paused. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  anyModel,
  Batches,
  ConflictError,
  echoInference,
  InvalidRequestError,
  MemoryFiles,
  MemoryKV,
  ResourceNotFoundError,
} from "../../js/entry/node.ts";

const endpoint = "/v1/chat/completions";

/** A batch of so many requests, each of which takes some milliseconds. */
async function running(requests: number) {
  const files = new MemoryFiles();
  const calls = { made: 0, inFlight: 0 };
  const inference = echoInference();
  const counted = {
    async infer(...args: Parameters<typeof inference.infer>) {
      calls.made += 1;
      calls.inFlight += 1;
      await new Promise((next) => setTimeout(next, 5));
      calls.inFlight -= 1;
      return inference.infer(...args);
    },
  };
  const batches = new Batches({
    ...{ kv: new MemoryKV(), files, inference: counted, models: anyModel },
    maxConcurrentRequestsPerBatch: 3,
  });
  const line = (i: number) => ({
    ...{ custom_id: `r${i}`, method: "POST", url: endpoint },
    body: { model: "echo-1", messages: [{ role: "user", content: "hello" }] },
  });
  const lines = Array.from({ length: requests }, (_, i) => `${JSON.stringify(line(i))}\n`);
  const { id: input_file_id } = await files.add("in.jsonl", lines.join(""));
  const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
  return { batches, files, id, calls };
}

const idsOf = (lines: Uint8Array): string[] =>
  new TextDecoder()
    .decode(lines)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).custom_id);

const all = (requests: number) => Array.from({ length: requests }, (_, i) => `r${i}`).sort();

suite("a batch of the library that runs", () => {
  test("is read by pages, each line once, and keeps a file in that order", async () => {
    const { batches, files, id } = await running(120);
    const seen: string[] = [];
    let before = 0;
    for (let [after, incomplete] = ["", true]; incomplete; ) {
      const page = await batches.results(id, { after, limit: 25 });
      seen.push(...idsOf(page.lines));
      if (page.lines.length > 0 && (await batches.retrieve(id)).status === "in_progress") before += 1;
      if (page.lines.length === 0) await new Promise((next) => setTimeout(next, 2));
      [after, incomplete] = [page.last, page.incomplete];
    }
    assert.deepEqual([...seen].sort(), all(120));
    assert.ok(before > 0, "some were read before the end");
    const { edgebatch } = await batches.retrieve(id);
    const file = edgebatch?.results_file_id ?? "";
    assert.deepEqual(idsOf(await files.read(file, 0, 1 << 20)), seen);
    await assert.rejects(batches.results(id, { after: "x" }), InvalidRequestError);
    await assert.rejects(batches.results("batch_none"), ResourceNotFoundError);
    await batches.stop();
  });

  test("is paused, starts nothing, and goes on", async () => {
    const { batches, id, calls } = await running(1_500);
    while (calls.made < 10) await new Promise((next) => setTimeout(next, 2));
    const paused = await batches.pause(id);
    assert.ok(Number(paused.edgebatch?.paused_at) > 0);
    let made = -1;
    while (made !== calls.made || calls.inFlight > 0) {
      made = calls.made;
      await new Promise((next) => setTimeout(next, 600));
    }
    assert.ok(made < 1_500);
    assert.equal((await batches.resume(id)).edgebatch, undefined);
    const { request_counts } = await batches.wait(id, { pollMs: 5 });
    assert.deepEqual([request_counts.completed, calls.made], [1_500, 1_500]);
    await assert.rejects(batches.pause(id), ConflictError);
    await batches.stop();
  });
});
