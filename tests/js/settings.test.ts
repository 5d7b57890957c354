/** Settings of a service that change what becomes of a batch. */
import assert from "node:assert/strict";
import test from "node:test";
import { anyModel, Batches, type BatchesOptions, MemoryFiles, MemoryKV } from "../../js/entry/node.ts";

const endpoint = "/v1/chat/completions";

async function finished(options: Partial<BatchesOptions>, answer = "{}") {
  const files = new MemoryFiles();
  const batches = new Batches({
    kv: new MemoryKV(),
    files,
    inference: { infer: async () => ({ status: 200, body: new TextEncoder().encode(answer) }) },
    models: anyModel,
    ...options,
  });
  const writer = await files.create({ filename: "in.jsonl", purpose: "batch" });
  const body = { model: "m", messages: [{ role: "user", content: "hello" }] };
  const line = JSON.stringify({ custom_id: "a", method: "POST", url: endpoint, body });
  await writer.write(new TextEncoder().encode(line));
  const { id } = await writer.complete();
  const batch = await batches.create({ input_file_id: id, endpoint, completion_window: "24h" });
  const done = await batches.wait(batch.id, { pollMs: 5 });
  await batches.stop();
  const text = done.error_file_id && new TextDecoder().decode(await files.read(done.error_file_id, 0, 9_999));
  return { batch: done, error: text ? JSON.parse(text).error : null };
}

test("a batch has as long as completionWindowSeconds says, and without it 24 hours", async () => {
  for (const [options, seconds] of [
    [{}, 86_400],
    [{ completionWindowSeconds: 60 }, 60],
  ] as const) {
    const { batch } = await finished(options);
    assert.equal(Number(batch.expires_at) - batch.created_at, seconds);
  }
  const { batch } = await finished({ completionWindowSeconds: null });
  assert.deepEqual([batch.expires_at, batch.status], [null, "completed"]);
});

test("an answer may have as many bytes as limits.maxResponseBytes says", async () => {
  const answer = JSON.stringify({ text: "x".repeat(1_000) });
  const { error } = await finished({ limits: { maxResponseBytes: 1_000 } }, answer);
  assert.equal(error.code, "response_too_large");
  assert.match(error.message, /more than 1000 bytes/);
  assert.equal((await finished({ limits: { maxResponseBytes: answer.length } }, answer)).error, null);
});
