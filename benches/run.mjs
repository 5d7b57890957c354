// The run with instant in-memory inference, and a plain loop that does the same work without our guarantees. Prints one
// JSON object. `node benches/run.mjs REQUESTS ROUNDS`
import { corpus } from "./corpus.mjs";

const { Batches, MemoryFiles, MemoryKV } = await import("../dist/entry/node.js");
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

const runs = {
  async edgebatch() {
    const files = new MemoryFiles();
    const writer = await files.create({ filename: "input.jsonl", purpose: "batch" });
    await writer.write(bytes);
    const { id } = await writer.complete();
    const start = performance.now();
    const batches = new Batches({ kv: new MemoryKV(), files, inference, models, limits });
    const batch = await batches.create({ input_file_id: id, endpoint, completion_window: "24h" });
    const end = await batches.wait(batch.id, { pollMs: 5 });
    const seconds = (performance.now() - start) / 1000;
    await batches.stop();
    if (end.request_counts.completed !== lines) throw new Error(JSON.stringify(end));
    return seconds;
  },
  async plain_loop() {
    const start = performance.now();
    const output = [];
    let at = 0;
    const lane = async () => {
      while (at < bytes.length) {
        const newline = bytes.indexOf(10, at);
        const request = JSON.parse(decoder.decode(bytes.subarray(at, newline)));
        at = newline + 1;
        const { status, body } = await inference.infer({
          url: request.url,
          body: encoder.encode(JSON.stringify(request.body)),
        });
        const response = { status_code: status, body: JSON.parse(decoder.decode(body)) };
        output.push(JSON.stringify({ custom_id: request.custom_id, response, error: null }));
      }
    };
    await Promise.all(Array.from({ length: 10 }, lane));
    encoder.encode(output.join("\n"));
    return (performance.now() - start) / 1000;
  },
};

const rates = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
for (let round = 0; round <= rounds; round++) {
  for (const [name, run] of Object.entries(runs)) {
    const seconds = await run();
    if (round > 0) rates[name].push(lines / seconds);
  }
}
const rss = process.memoryUsage().rss;
process.stdout.write(JSON.stringify({ requests: lines, rates, rss }));
