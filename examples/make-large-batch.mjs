// Makes a large batch file, the same for the same arguments; by default 60,000 requests, 200 MB:
// `node examples/make-large-batch.mjs [REQUESTS] [BYTES] [SEED] > large.jsonl`.
// Lines differ in length: most are short, a few are ten times the average.
import { once } from "node:events";

const [requests = 60_000, bytes = 200_000_000, seed = 1] = process.argv.slice(2).map(Number);
const words =
  'the order arrived with a cracked screen "please help" naïve über 注文 où est ma facture कब आएगा return\n'.split(
    " ",
  );

let state = seed >>> 0;
/** A whole number below `bound` (Mulberry32). */
function below(bound) {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
}

function text(length) {
  const parts = [];
  for (let size = 0; size < length; ) {
    const word = words[below(words.length)];
    parts.push(word);
    // With its space, and with what JSON adds.
    size += Buffer.byteLength(JSON.stringify(word)) - 1;
  }
  return parts.join(" ");
}

let written = 0;
for (let i = 0; i < requests; i++) {
  const average = Math.max(0, (bytes - written) / (requests - i) - 150);
  // The last lines are average, so that the sum fits.
  const length = i > requests - 100 ? average : below(20) === 0 ? average * 10 : average * 0.526;
  const messages = [{ role: "user", content: text(length) }];
  const body = { model: "echo-1", messages, max_tokens: 16 + below(64) };
  const id = `request-${String(i).padStart(8, "0")}`;
  const line = `${JSON.stringify({ custom_id: id, method: "POST", url: "/v1/chat/completions", body })}\n`;
  written += Buffer.byteLength(line);
  if (!process.stdout.write(line)) await once(process.stdout, "drain");
}
