// Whether a large batch costs as much a request as a small one, and how much memory. Each size is run in a process of its
// own, with instant inference. `node benches/scale.mjs memory|disk REQUESTS…` prints one JSON object a line.
//
// `memory`: MemoryKV, which holds all results until the batch ends, and files that are made up and thrown away.
// `disk`: SqliteKV and DiskFiles in the folder for temporary files.
import { execFileSync } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const endpoint = "/v1/chat/completions";
const encoder = new TextEncoder();

/** Every line has this many bytes, so that any piece of the file can be made from its offset. */
const lineBytes = 400;

function line(n) {
  const custom_id = `request-${String(n).padStart(9, "0")}`;
  const request = (content) => ({
    custom_id,
    method: "POST",
    url: endpoint,
    body: { model: "m", messages: [{ role: "user", content }] },
  });
  const rest = lineBytes - 1 - JSON.stringify(request("")).length;
  return `${JSON.stringify(request("word ".repeat(rest).slice(0, rest)))}\n`;
}

function lines(from, to) {
  let text = "";
  for (let n = from; n < to; n++) text += line(n);
  return encoder.encode(text);
}

const answer = encoder.encode(
  JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: "yes" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
  }),
);

/** Files without bytes: the input is computed, what is written is counted. */
function computedFiles(requests) {
  const bytes = requests * lineBytes;
  return {
    retrieve: async (id) => ({ id, object: "file", bytes, created_at: 0, filename: "in", purpose: "batch" }),
    read: async (_, offset, length) => {
      const end = Math.min(offset + length, bytes);
      const first = Math.floor(offset / lineBytes);
      const text = lines(first, Math.ceil(end / lineBytes));
      return text.subarray(offset - first * lineBytes, end - first * lineBytes);
    },
    create: async ({ id, filename, purpose }) => {
      let written = 0;
      return {
        write: async (part) => {
          written += part.length;
        },
        complete: async () => ({ id, object: "file", bytes: written, created_at: 0, filename, purpose }),
        abort: async () => {},
      };
    },
  };
}

async function measure(kind, requests) {
  const { Batches, DiskFiles, MemoryKV, SqliteKV } = await import("../dist/entry/node.js");
  const folder = mkdtempSync(join(tmpdir(), "edgebatch-scale-"));
  try {
    const store = join(folder, "batches.db");
    const disk = kind === "disk";
    const kv = disk ? new SqliteKV(store) : new MemoryKV();
    const files = disk ? new DiskFiles(join(folder, "files")) : computedFiles(requests);
    let input = { id: "file-input" };
    if (disk) {
      const path = join(folder, "requests.jsonl");
      const to = createWriteStream(path);
      for (let n = 0; n < requests; n += 1000) {
        if (!to.write(lines(n, Math.min(n + 1000, requests))))
          await new Promise((go) => to.once("drain", go));
      }
      to.end();
      await finished(to);
      input = await files.link(path);
    }
    let rss = 0;
    let rssEarly = 0;
    let calls = 0;
    const look = () => {
      rss = Math.max(rss, process.memoryUsage.rss());
    };
    const inference = {
      infer: async () => {
        calls += 1;
        if (calls % 1024 === 0) look();
        if (calls === 8192) rssEarly = rss;
        return { status: 200, body: answer };
      },
    };
    const models = { has: async () => true };
    const limits = { maxRequests: requests, maxFileBytes: requests * lineBytes };
    const start = performance.now();
    const cpu = process.cpuUsage();
    const batches = new Batches({ kv, files, inference, models, limits });
    const { id } = await batches.create({ input_file_id: input.id, endpoint, completion_window: "24h" });
    const end = await batches.wait(id, { pollMs: 50, onProgress: look });
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    await batches.stop();
    look();
    if (end.status !== "completed" || end.request_counts.completed !== requests || calls !== requests)
      throw new Error(JSON.stringify({ end, calls }));
    const size = (path) => (existsSync(path) ? statSync(path).size : 0);
    return {
      kind,
      requests,
      seconds,
      cpuMicroseconds: (user + system) / requests,
      rssEarly,
      rss,
      store: disk ? size(store) + size(`${store}-wal`) : 0,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [kind, ...sizes] = process.argv.slice(2);
if (sizes.length === 1) process.stdout.write(JSON.stringify(await measure(kind, Number(sizes[0]))));
else {
  for (const [i, size] of sizes.entries()) {
    if (i > 0) process.stdout.write("\n");
    process.stdout.write(execFileSync(process.execPath, [fileURLToPath(import.meta.url), kind, size]));
  }
}
