/**
 * Guards memory: large files go through in pieces. What is measured is the whole process; workerd holds the simulated
 * R2 besides the Worker. LARGE_BYTES sets the size of the file that comes in parts, for a Worker.
 */

import { strict as assert } from "node:assert";
import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, test } from "node:test";
import { ended } from "./batches.ts";
import { isServe } from "./runtimes.ts";
import { type Started, startServer } from "./server.ts";

const MB = 1024 * 1024;
/** `edgebatch serve` takes what OpenAI takes. */
const LARGE = isServe ? 200 * MB : Number(process.env.LARGE_BYTES ?? 384 * MB);
const settings: Record<string, string> = isServe
  ? {}
  : { MAX_REQUESTS: "1000", MAX_FILE_BYTES: String(16 * 1024 * MB) };
const PART = 64 * MB;
/** Half of the file. Most of it is garbage not yet collected: it is the same for a gigabyte. */
const ALLOWED = 192 * MB;

/** Lines of about a kilobyte, as a stream that is made as it is read. */
function* pieces(bytes: number): Generator<Uint8Array> {
  const text = "x".repeat(880);
  let left = bytes;
  for (let i = 0; left > 0; i += 64) {
    let piece = "";
    for (let j = i; j < i + 64; j++) {
      const body = { model: "echo-1", messages: [{ role: "user", content: text }] };
      piece += `${JSON.stringify({ custom_id: `request-${j}`, method: "POST", url: "/v1/chat/completions", body })}\n`;
    }
    const chunk = new TextEncoder().encode(piece);
    // The rest is blank lines.
    yield left >= chunk.length ? chunk : new Uint8Array(left).fill(10);
    left -= chunk.length;
  }
}

/** The file of a form, and for `/v1/files` its purpose. */
function* form(boundary: string, part: string, content: Iterable<Uint8Array>): Generator<Uint8Array> {
  const text = new TextEncoder();
  yield text.encode(`--${boundary}\r\nContent-Disposition: form-data; ${part}\r\n\r\n`);
  yield* content;
  if (part.includes('name="file"')) {
    yield text.encode(`\r\n--${boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch`);
  }
  yield text.encode(`\r\n--${boundary}--\r\n`);
}

/** Posts a form whose body is made as it is sent. */
async function post(url: string, part: string, content: Iterable<Uint8Array>) {
  const headers = { "content-type": "multipart/form-data; boundary=large" };
  const sending = request(url, { method: "POST", headers });
  const answered = new Promise<IncomingMessage>((next, fail) =>
    sending.on("response", next).on("error", fail),
  );
  await pipeline(Readable.from(form("large", part, content)), sending);
  const response = await answered;
  let text = "";
  for await (const chunk of response) text += chunk;
  assert.equal(response.statusCode, 200, text);
  return JSON.parse(text) as { id: string; bytes: number };
}

async function watched<T>(
  server: Started,
  work: () => Promise<T>,
): Promise<{ result: T; seconds: number; grown: number }> {
  const before = (await server.memory()).now;
  const started = performance.now();
  let highest = before;
  const timer = setInterval(async () => {
    highest = Math.max(highest, (await server.memory()).now);
  }, 200);
  try {
    const result = await work();
    return { result, seconds: (performance.now() - started) / 1000, grown: highest - before };
  } finally {
    clearInterval(timer);
  }
}

const rate = (bytes: number, seconds: number) => `${(bytes / MB / seconds).toFixed(0)} MB/s`;
const mb = (bytes: number) => `${Math.round(bytes / MB)} MB`;

test("files of hundreds of megabytes are uploaded, validated and downloaded in little memory", async (t) => {
  const server = await startServer(settings);
  after(() => server.stop());
  // The first small one brings everything up.
  await post(`${server.url}/v1/files`, 'name="file"; filename="small.jsonl"', pieces(10 * MB));
  const say = (what: string, bytes: number, run: { seconds: number; grown: number }) =>
    t.diagnostic(
      `${what}: ${mb(bytes)} at ${rate(bytes, run.seconds)}, memory grew by at most ${mb(run.grown)}`,
    );

  const size = 200 * MB;
  const single = await watched(server, () =>
    post(`${server.url}/v1/files`, 'name="file"; filename="large.jsonl"', pieces(size)),
  );
  say("multipart upload", size, single);
  assert.equal(single.result.bytes, size);

  const params = { filename: "parts.jsonl", purpose: "batch", mime_type: "text/jsonl" } as const;
  const parts = await watched(server, async () => {
    const upload = await server.client.uploads.create({ ...params, bytes: LARGE });
    const part_ids: string[] = [];
    for (let at = 0; at < LARGE; at += PART) {
      const content = pieces(Math.min(PART, LARGE - at));
      const part = await post(
        `${server.url}/v1/uploads/${upload.id}/parts`,
        'name="data"; filename="part"',
        content,
      );
      part_ids.push(part.id);
    }
    return (await server.client.uploads.complete(upload.id, { part_ids })).file?.id as string;
  });
  say("upload in parts", LARGE, parts);

  const download = await watched(server, async () => {
    let bytes = 0;
    const response = await fetch(`${server.url}/v1/files/${parts.result}/content`);
    for await (const chunk of response.body as ReadableStream<Uint8Array>) bytes += chunk.length;
    return bytes;
  });
  say("download", LARGE, download);
  assert.equal(download.result, LARGE);

  // Every line is looked at, and then there are too many.
  const validation = await watched(server, async () => {
    const { id } = await server.client.batches.create({
      ...{ input_file_id: parts.result, endpoint: "/v1/chat/completions", completion_window: "24h" },
    });
    return ended(server.client, id, 300_000);
  });
  say("validation", LARGE, validation);
  assert.equal(validation.result.status, "failed");

  for (const { grown } of [single, parts, download, validation])
    assert.ok(grown < ALLOWED, `grew by ${mb(grown)}`);
});
