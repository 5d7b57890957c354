/**
 * What the order of requests does to a model server's prefix cache: `node benches/prefix.ts [REQUESTS]`. A batch is run through the
 * library, and each request, as it is sent, asks a simulated cache how much of its prompt is there. Prints a table.
 *
 * The cache is that of vLLM's automatic prefix caching, in bytes: blocks of 64 bytes (16 tokens of 4), each known by the hash of
 * all of the prompt up to its end, the least recently used put out first. A request's own blocks come in when it is answered, so
 * that requests in flight at once find nothing of each other. It is a cache, and no model server: how long a request takes, and
 * what else a server does to group requests, is not in it.
 */

import { createHash } from "node:crypto";
import { Batches, MemoryFiles, MemoryKV } from "../dist/entry/node.js";

const block = 64;
const inFlight = 32;
const requests = Number(process.argv[2] ?? 10_000);
const endpoint = "/v1/chat/completions";
const answer = new TextEncoder().encode(
  JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }),
);

/** Texts of about so many bytes, always the same ones. */
function text(name: string, bytes: number): string {
  let found = "";
  for (let i = 0; found.length < bytes; i++)
    found += createHash("sha256").update(`${name} ${i}`).digest("base64");
  return found.slice(0, bytes);
}

/** The prompts of a workload: instructions, and what the user says. */
const workloads: Record<string, (i: number) => [system: string, user: string]> = {
  "documents of 8 KB, 50 questions each, in turn": (i) => [
    text("rules", 500),
    `${text(`document ${i % (requests / 50)}`, 8_000)} ${text(`question ${i}`, 100)}`,
  ],
  "documents of 8 KB, 5 questions each, in turn": (i) => [
    text("rules", 500),
    `${text(`document ${i % (requests / 5)}`, 8_000)} ${text(`question ${i}`, 100)}`,
  ],
  "documents of 8 KB, 50 questions each, together": (i) => [
    text("rules", 500),
    `${text(`document ${Math.floor(i / 50)}`, 8_000)} ${text(`question ${i}`, 100)}`,
  ],
  "5 instructions of 4 KB, 500 bytes of text": (i) => [text(`rules ${i % 5}`, 4_000), text(`text ${i}`, 500)],
  "nothing alike, 4 KB": (i) => ["", text(`text ${i}`, 4_000)],
};

/** Least recently used blocks are put out first. */
class Cache {
  readonly #blocks = new Map<string, true>();
  readonly #most: number;
  asked = 0;
  found = 0;

  constructor(bytes: number) {
    this.#most = bytes / block;
  }

  /** How a prompt's blocks are known: only whole ones are. */
  static keysOf(prompt: string): string[] {
    const keys: string[] = [];
    let before = "";
    for (let at = 0; at + block <= prompt.length; at += block) {
      before = createHash("md5")
        .update(before)
        .update(prompt.slice(at, at + block))
        .digest("base64");
      keys.push(before);
    }
    return keys;
  }

  /** Counts what is there from the beginning on. */
  ask(keys: string[], bytes: number): void {
    const absent = keys.findIndex((key) => !this.#blocks.has(key));
    const there = absent < 0 ? keys.length : absent;
    this.asked += bytes;
    this.found += there * block;
    // The last ones first: a beginning stays longer than what follows it.
    for (const key of keys.slice(0, there).reverse()) this.#touch(key);
  }

  add(keys: string[]): void {
    for (const key of keys.slice().reverse()) this.#touch(key);
    for (const key of this.#blocks.keys()) {
      if (this.#blocks.size <= this.#most) break;
      this.#blocks.delete(key);
    }
  }

  #touch(key: string): void {
    this.#blocks.delete(key);
    this.#blocks.set(key, true);
  }
}

/** What part of all prompts' bytes each cache has. */
async function hits(input: Uint8Array, order: "file" | "prefix", sizes: number[]): Promise<number[]> {
  const caches = sizes.map((bytes) => new Cache(bytes));
  const files = new MemoryFiles();
  const writer = await files.create({ filename: "in.jsonl", purpose: "batch" });
  await writer.write(input);
  const { id } = await writer.complete();
  const decoder = new TextDecoder();
  const batches = new Batches({
    kv: new MemoryKV(),
    files,
    limits: { maxRequests: requests, maxFileBytes: 1e9 },
    maxConcurrentRequestsPerBatch: inFlight,
    models: { has: async () => true },
    inference: {
      infer: async ({ body }) => {
        const { messages } = JSON.parse(decoder.decode(body)) as { messages: { content: string }[] };
        const prompt = messages.map(({ content }) => content).join("\n");
        const keys = Cache.keysOf(prompt);
        for (const cache of caches) cache.ask(keys, prompt.length);
        await new Promise((next) => setTimeout(next, 2));
        for (const cache of caches) cache.add(keys);
        return { status: 200, body: answer };
      },
    },
  });
  const params = { input_file_id: id, endpoint, completion_window: "24h" };
  const batch = await batches.create({ ...params, edgebatch: { order } });
  const end = await batches.wait(batch.id);
  if (end.request_counts.completed !== requests) throw new Error(JSON.stringify(end));
  await batches.stop();
  return caches.map(({ asked, found }) => found / asked);
}

const sizes = [1e6, 10e6, 100e6];
console.log(`| ${requests.toLocaleString("en-US")} requests | cache | order of the file | prefix |`);
console.log("| --- | --- | --- | --- |");
for (const [name, prompt] of Object.entries(workloads)) {
  const line = (i: number) => {
    const [system, user] = prompt(i);
    const messages = [
      { role: "system", content: system },
      { role: "user", content: user },
    ];
    return `${JSON.stringify({ custom_id: `r${i}`, method: "POST", url: endpoint, body: { model: "m", messages } })}\n`;
  };
  const input = new TextEncoder().encode(Array.from({ length: requests }, (_, i) => line(i)).join(""));
  const [byFile, byPrefix] = [await hits(input, "file", sizes), await hits(input, "prefix", sizes)];
  for (const [at, bytes] of sizes.entries()) {
    const percent = (part: number | undefined) => `${((part ?? 0) * 100).toFixed(1)} %`;
    console.log(`| ${name} | ${bytes / 1e6} MB | ${percent(byFile[at])} | ${percent(byPrefix[at])} |`);
  }
}
