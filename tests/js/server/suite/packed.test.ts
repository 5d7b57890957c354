/** Guards files that come packed, and downloads that go packed: the same on every runtime. */

import { strict as assert } from "node:assert";
import { type IncomingMessage, request } from "node:http";
import { after, before, test } from "node:test";
import zlib from "node:zlib";
import { chatLines, ended } from "./batches.ts";
import { runtimeName } from "./runtimes.ts";
import { type Started, startServer } from "./server.ts";
import { wire } from "./wire.ts";

const MOST = 4_000_000;
let server: Started;
before(async () => {
  server = await startServer({ MAX_CONCURRENT_BATCHES: "4", MAX_FILE_BYTES: String(MOST) });
});
after(() => server.stop());

const { call, refused } = wire(() => server.url);

const { ZSTD_c_checksumFlag } = zlib.constants;
const zstd = (content: string | Uint8Array) =>
  zlib.zstdCompressSync(content, { params: { [ZSTD_c_checksumFlag]: 1 } });
const packings = [
  ["gzip", "in.jsonl.gz", (content: string | Uint8Array) => zlib.gzipSync(content)],
  ["zstd", "in.jsonl.zst", zstd],
] as const;

/** A first line, and blank ones without end. They take their time, in which a connection would be given up. */
const blank = Buffer.concat([Buffer.from(chatLines(1)), Buffer.alloc(300_000_000, 10)]);
const bombs = packings.map(([, name, pack]) => [name, pack(blank)] as const);

/** A form whose file comes first or last, as that of one SDK or the other. */
function formOf(content: Uint8Array, name: string, order: "file first" | "file last", purpose = "batch") {
  const form = new FormData();
  const file = new Blob([content as Uint8Array<ArrayBuffer>]);
  if (order === "file first") form.append("file", file, name);
  form.append("purpose", purpose);
  if (order === "file last") form.append("file", file, name);
  return form;
}

test("a packed file is kept as its content, whatever it is called, and runs like any other", async () => {
  const content = chatLines(30);
  for (const [, name, pack] of packings) {
    for (const order of ["file first", "file last"] as const) {
      const form = formOf(pack(content), order === "file first" ? name : "upload", order);
      const { status, body: file, text } = await call("POST", "/v1/files", form);
      assert.equal(status, 200, text);
      assert.equal(file.bytes, content.length);
      assert.equal(file.filename, order === "file first" ? "in.jsonl" : "upload");
      assert.equal((await call("GET", `/v1/files/${file.id}/content`)).text, content);
      const params = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
      const { id } = (await call("POST", "/v1/batches", params)).body;
      const batch = await ended(server.client, id);
      assert.equal(batch.status, "completed");
      assert.deepEqual(batch.request_counts, { total: 30, completed: 30, failed: 0 });
    }
  }
});

test("a packed file may come in parts, whose sum is of the bytes that came", async () => {
  const content = chatLines(2_000);
  for (const [, filename, pack] of packings) {
    const packed = pack(content);
    const params = { filename, purpose: "batch", bytes: packed.length, mime_type: "application/jsonl" };
    const upload = (await call("POST", "/v1/uploads", params)).body;
    const part_ids: string[] = [];
    for (let from = 0; from < packed.length; from += 3_000) {
      const data = new FormData();
      data.append("data", new Blob([packed.subarray(from, from + 3_000) as Uint8Array<ArrayBuffer>]));
      part_ids.push((await call("POST", `/v1/uploads/${upload.id}/parts`, data)).body.id);
    }
    const complete = `/v1/uploads/${upload.id}/complete`;
    const { body: done, text } = await call("POST", complete, { part_ids });
    assert.equal(done?.file?.bytes, content.length, text);
    assert.equal(done.bytes, packed.length);
    assert.equal(done.file.filename, "in.jsonl");
    assert.equal((await call("GET", `/v1/files/${done.file.id}/content`)).text, content);
    // A call that is made again finds what the first made.
    assert.equal((await call("POST", complete, { part_ids })).body.file.id, done.file.id);
  }
});

test("what is cut off, damaged, or followed by something else is refused, and nothing is left of it", async () => {
  const [text, before] = [chatLines(200), (await call("GET", "/v1/files")).body.data.length];
  for (const [packing, name, pack] of packings) {
    const packed = pack(text);
    const damaged = Buffer.from(packed);
    damaged[packed.length >> 1] = ~(damaged[packed.length >> 1] as number);
    for (const [content, why] of [
      [packed.subarray(0, packed.length - 5), "it is cut off"],
      [damaged, "it is damaged"],
      [Buffer.concat([packed, Buffer.from(text)]), "something else follows it"],
    ] as const) {
      const message = `The ${packing} data cannot be unpacked: ${why}.`;
      const expected = { message, param: "file", code: "invalid_file_format" };
      await refused(400, expected, "POST", "/v1/files", formOf(content, name, "file last"));
    }
    const format = { message: "Invalid file format for Batch API. Must be .jsonl" };
    await refused(400, format, "POST", "/v1/files", formOf(pack("no lines"), name, "file last"));
    await refused(400, format, "POST", "/v1/files", formOf(pack(pack(text)), name, "file last"));
    await refused(400, format, "POST", "/v1/files", formOf(pack(text), "in.txt.gz", "file last"));
  }
  assert.equal((await call("GET", "/v1/files")).body.data.length, before);
});

test("a file that is small only while it is packed is refused once it has grown too large, in little memory", async () => {
  const before = await server.memory();
  for (const [name, bomb] of bombs) {
    const message = `File is too large. Unpacked, it has more than ${MOST} bytes.`;
    await refused(400, { message }, "POST", "/v1/files", formOf(bomb, name, "file last"));
  }
  const grown = (await server.memory()).peak - before.peak;
  assert.ok(grown < 150_000_000, `the server grew by ${grown} bytes`);
});

test("files that are for anything else stay as they came", async () => {
  const packed = zlib.gzipSync(chatLines(5));
  const form = formOf(packed, "in.jsonl.gz", "file first", "evals");
  const { body: file } = await call("POST", "/v1/files", form);
  assert.deepEqual([file.bytes, file.filename], [packed.length, "in.jsonl.gz"]);
  const { body } = await raw("GET", file.id, {});
  assert.ok(body.equals(packed));
});

/** An answer as it goes over the wire, with nothing unpacked. */
async function raw(method: string, id: string, headers: Record<string, string>) {
  const answer = await new Promise<IncomingMessage>((next, fail) => {
    const url = `${server.url}/v1/files/${id}/content`;
    request(url, { method, headers }, next).on("error", fail).end();
  });
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) };
}

test("a download goes packed to those who take gzip, and as it is to all others", async () => {
  const content = Buffer.from(chatLines(1_000));
  const { body: file } = await call("POST", "/v1/files", formOf(content, "in.jsonl", "file last"));
  const packed = await raw("GET", file.id, { "accept-encoding": "br;q=1.0, gzip;q=0.8" });
  assert.equal(packed.status, 200);
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.equal(packed.headers["content-length"], undefined);
  assert.equal(packed.headers.vary, "Accept-Encoding");
  assert.ok(packed.body.length < content.length / 5);
  assert.ok(zlib.gunzipSync(packed.body).equals(content));
  for (const encodings of ["", "identity", "gzip;q=0", "br, zstd", "gzipped"]) {
    const plain = await raw("GET", file.id, encodings === "" ? {} : { "accept-encoding": encodings });
    assert.equal(plain.headers["content-encoding"], undefined, encodings);
    assert.equal(plain.headers["content-length"], String(content.length));
    assert.equal(plain.headers.vary, "Accept-Encoding");
    assert.notEqual(plain.headers.etag, packed.headers.etag);
    assert.ok(plain.body.equals(content));
  }
  // Ranges are of the bytes as they are, whoever asks.
  const range = await raw("GET", file.id, { "accept-encoding": "gzip", range: "bytes=100-50099" });
  assert.equal(range.status, 206);
  assert.equal(range.headers["content-encoding"], undefined);
  assert.equal(range.headers["content-range"], `bytes 100-50099/${content.length}`);
  assert.ok(range.body.equals(content.subarray(100, 50_100)));
  const changed = { "accept-encoding": "gzip", range: "bytes=9-", "if-range": String(packed.headers.etag) };
  assert.ok(zlib.gunzipSync((await raw("GET", file.id, changed)).body).equals(content));
  const head = await raw("HEAD", file.id, { "accept-encoding": "gzip" });
  assert.equal(head.headers["content-encoding"], "gzip");
  assert.equal(head.headers["content-length"], undefined);
  assert.equal(head.body.length, 0);
  const plainHead = await raw("HEAD", file.id, {});
  // What runs the Worker in tests leaves lengths out of answers to HEAD.
  if (runtimeName !== "worker") assert.equal(plainHead.headers["content-length"], String(content.length));
  // Both what unpacks it and the library that asks for it see the bytes as they are.
  assert.equal((await call("GET", `/v1/files/${file.id}/content`)).text, content.toString());
  assert.equal(await (await server.client.files.content(file.id)).text(), content.toString());
});
