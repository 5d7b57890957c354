// The run with instant inference, on stores in memory and on disk, and plain loops that do the same work without our
// guarantees. Prints one JSON object. `node benches/run.mjs REQUESTS ROUNDS`
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { corpus } from "./corpus.mjs";

const { Batches, DiskFiles, MemoryFiles, MemoryKV, SqliteKV } = await import("../dist/entry/node.js");
const [requests, rounds] = process.argv.slice(2).map(Number);
const { bytes, lines } = corpus("chat", requests * 2700);
const endpoint = "/v1/chat/completions";
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const answer = encoder.encode(
  JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: "yes" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
  }),
);
const inference = { infer: async () => ({ status: 200, body: answer }) };
const models = { has: async () => true };
const limits = { maxRequests: 1e9, maxFileBytes: 1e12 };

const folder = mkdtempSync(join(tmpdir(), "edgebatch-bench-"));
const inputPath = join(folder, "input.jsonl");

async function run(kv, files, input) {
  const start = performance.now();
  const batches = new Batches({ kv, files, inference, models, limits });
  const batch = await batches.create({ input_file_id: input.id, endpoint, completion_window: "24h" });
  const end = await batches.wait(batch.id, { pollMs: 5 });
  const seconds = (performance.now() - start) / 1000;
  await batches.stop();
  if (end.request_counts.completed !== lines) throw new Error(JSON.stringify(end));
  return seconds;
}

/** One line of the plain loops: no checks, no retries, nothing remembered. */
async function answered(text) {
  const request = JSON.parse(text);
  const { status, body } = await inference.infer({
    url: request.url,
    body: encoder.encode(JSON.stringify(request.body)),
  });
  const response = { status_code: status, body: JSON.parse(decoder.decode(body)) };
  return JSON.stringify({ custom_id: request.custom_id, response, error: null });
}

const lanes = (lane) => Promise.all(Array.from({ length: 10 }, lane));

const runs = {
  async edgebatch() {
    const files = new MemoryFiles();
    return run(new MemoryKV(), files, await files.add("input.jsonl", bytes));
  },
  async plain_loop() {
    const start = performance.now();
    const output = [];
    let at = 0;
    await lanes(async () => {
      while (at < bytes.length) {
        const newline = bytes.indexOf(10, at);
        const text = decoder.decode(bytes.subarray(at, newline));
        at = newline + 1;
        output.push(await answered(text));
      }
    });
    encoder.encode(output.join("\n"));
    return (performance.now() - start) / 1000;
  },
  async edgebatch_disk() {
    const place = mkdtempSync(join(folder, "run-"));
    const kv = new SqliteKV(join(place, "batches.db"));
    const files = new DiskFiles(join(place, "files"));
    try {
      return await run(kv, files, await files.link(inputPath));
    } finally {
      kv.close();
      rmSync(place, { recursive: true });
    }
  },
  async plain_loop_disk() {
    const path = join(folder, "output.jsonl");
    const start = performance.now();
    const output = createWriteStream(path);
    const input = createInterface({ input: createReadStream(inputPath) })[Symbol.asyncIterator]();
    await lanes(async () => {
      for (;;) {
        const { value, done } = await input.next();
        if (done) return;
        if (!output.write(`${await answered(value)}\n`)) await new Promise((go) => output.once("drain", go));
      }
    });
    output.end();
    await finished(output);
    return (performance.now() - start) / 1000;
  },
};

const rates = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
try {
  const input = createWriteStream(inputPath);
  input.end(bytes);
  await finished(input);
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of Object.entries(runs)) {
      const seconds = await measure();
      if (round > 0) rates[name].push(lines / seconds);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.stdout.write(JSON.stringify({ requests: lines, rates }));
