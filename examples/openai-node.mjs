// A batch from beginning to end with the official client, as it is written against OpenAI itself: only the address
// differs. With a server running (`npm start`):
//
//   OPENAI_BASE_URL=http://localhost:8787/v1 OPENAI_API_KEY=any node examples/openai-node.mjs examples/chat-batch.jsonl [FOLDER]
//
// The finished batch is printed; its output and error files go to FOLDER, by default the current one.
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import OpenAI from "openai";

const [input, folder = "."] = process.argv.slice(2);
if (!input) {
  process.stderr.write("usage: node examples/openai-node.mjs FILE [FOLDER]\n");
  process.exit(2);
}
const client = new OpenAI();
const say = (text) => process.stderr.write(`${text}\n`);

const file = await client.files.create({ purpose: "batch", file: createReadStream(input) });
say(`files.create      ${file.id}, ${file.bytes} bytes`);

let batch = await client.batches.create({
  input_file_id: file.id,
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
  metadata: { source: "examples/openai-node.mjs" },
});
say(`batches.create    ${batch.id}`);

let shown = "";
for (;;) {
  const { total, completed, failed } = batch.request_counts;
  const line = `batches.retrieve  ${batch.status}, ${completed} of ${total} completed, ${failed} failed`;
  if (line !== shown) say(line);
  shown = line;
  if (["completed", "failed", "expired", "cancelled"].includes(batch.status)) break;
  await new Promise((next) => setTimeout(next, 500));
  batch = await client.batches.retrieve(batch.id);
}

for (const [name, id] of [
  ["output.jsonl", batch.output_file_id],
  ["errors.jsonl", batch.error_file_id],
]) {
  if (!id) continue;
  const path = join(folder, name);
  const content = await client.files.content(id);
  await pipeline(Readable.fromWeb(content.body), createWriteStream(path));
  say(`files.content     ${id} to ${path}`);
}
process.stdout.write(`${JSON.stringify(batch, null, 2)}\n`);
if (batch.status !== "completed") process.exitCode = 1;
