/** Guards POST /v1/batches/validate: what a batch would say of a file, said without one; nothing is kept, and others are served. */

import { strict as assert } from "node:assert";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { isServe } from "./runtimes.ts";
import { type Started, startServer } from "./server.ts";
import { wire } from "./wire.ts";

const MB = 1024 * 1024;
const path = "/v1/batches/validate";
const chat = "/v1/chat/completions";
const jsonl = { "content-type": "application/jsonl" };

let server: Started;
let folder: string;
before(async () => {
  server = await startServer({ MAX_FILE_BYTES: String(24 * MB), MAX_LINE_BYTES: "100000" });
  folder = await mkdtemp(join(tmpdir(), "edgebatch-validate-"));
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});
const { call, refused } = wire(() => server.url);

/** One line with each kind of trouble, and two that are good. */
const mixed = [
  chatLines(1).trimEnd(),
  '{"custom_id": "a" "method": "POST"}',
  "",
  chatLines(1).trimEnd(),
  chatLines(1, "nowhere").trimEnd().replace("request-0", "b"),
  chatLines(1).trimEnd().replace("request-0", "c"),
].join("\n");

interface Range {
  low: number;
  high: number;
}
interface Validation {
  object: string;
  valid: boolean;
  input_file_id: string | null;
  endpoint: string;
  errors: {
    object: string;
    data: { code: string; param: string | null; line: number | null; reason?: string }[];
  };
  error_count: number;
  request_counts: { total: number; valid: number };
  models: { name: string; count: number }[];
  other_models: number;
  bytes: number;
  estimate: { input_tokens: Range; seconds: Range | null };
}

const upload = (content: string) =>
  server.client.files.create({ purpose: "batch", file: new File([content], "input.jsonl") });

test("a body says the same as the file uploaded, and both what a batch over it would", async () => {
  const { id: input_file_id } = await upload(mixed);
  const stored = await call("POST", path, { input_file_id, endpoint: chat });
  assert.equal(stored.status, 200, stored.text);
  const found = stored.body as Validation;
  assert.deepEqual(Object.keys(found), [
    ...["object", "valid", "input_file_id", "endpoint", "errors", "error_count", "request_counts"],
    ...["models", "other_models", "bytes", "estimate"],
  ]);
  assert.deepEqual([found.object, found.valid, found.endpoint], ["batch.validation", false, chat]);
  assert.deepEqual(
    found.errors.data.map(({ line, code }) => [line, code]),
    [
      [2, "invalid_json_line"],
      [4, "duplicate_custom_id"],
      [5, "model_not_found"],
    ],
  );
  assert.match(found.errors.data[0]?.reason ?? "", /./);
  assert.deepEqual([found.error_count, found.request_counts], [3, { total: 5, valid: 2 }]);
  assert.deepEqual(found.models, [
    { name: "echo-1", count: 3 },
    { name: "nowhere", count: 1 },
  ]);
  assert.deepEqual([found.bytes, found.other_models], [mixed.length, 0]);
  const sent = await call("POST", path, mixed, jsonl);
  assert.deepEqual(sent.body, { ...found, input_file_id: null });
  const batch = await server.client.batches.create({
    input_file_id,
    endpoint: chat,
    completion_window: "24h",
  });
  const { errors } = await ended(server.client, batch.id);
  assert.deepEqual(
    errors?.data,
    found.errors.data.map(({ reason, ...error }) => {
      delete (error as { column?: number }).column;
      return error;
    }),
  );
});

test("a good file is valid, with its endpoint from its first line or the query, and is given an estimate", async () => {
  const lines = chatLines(100);
  for (const [query, headers] of [
    ["", jsonl],
    [`?endpoint=${chat}`, { "content-type": "text/plain; charset=utf-8" }],
    ["?endpoint=", { "content-type": "application/x-ndjson" }],
    ["", { "content-type": "application/octet-stream" }],
  ] as const) {
    const { status, body } = await call("POST", path + query, lines, headers);
    assert.equal(status, 200);
    const { valid, input_file_id, endpoint, errors, request_counts, estimate } = body as Validation;
    assert.deepEqual(
      [valid, input_file_id, endpoint, errors],
      [true, null, chat, { object: "list", data: [] }],
    );
    assert.deepEqual(request_counts, { total: 100, valid: 100 });
    const { low, high } = estimate.input_tokens;
    assert.ok(100 <= low && low < high && high <= lines.length / 2, `${low} to ${high}`);
  }
  const embeddings = chatLines(1).replaceAll(chat, "/v1/embeddings").replace("messages", "input");
  assert.equal((await call("POST", path, embeddings, jsonl)).body.endpoint, "/v1/embeddings");
  const other = await call("POST", `${path}?endpoint=/v1/embeddings`, lines, jsonl);
  assert.equal((other.body as Validation).errors.data[0]?.code, "invalid_url");
});

test("the time is estimated from what was measured, and is null before, and of a file that would not run", async () => {
  const fresh = await startServer({ ECHO_LATENCY_MS: "200", MAX_CONCURRENT_REQUESTS: "5" });
  try {
    const ask = async (lines: string) =>
      (await wire(() => fresh.url).call("POST", path, lines, jsonl)).body.estimate as Validation["estimate"];
    assert.equal((await ask(chatLines(1_000))).seconds, null);
    const { id } = await createBatch(fresh.client, chatLines(20));
    await ended(fresh.client, id);
    const { seconds } = await ask(chatLines(1_000));
    if (!isServe) return assert.equal(seconds, null);
    // 200 rounds of five: 40 seconds and a little more.
    assert.ok(seconds && seconds.low >= 20 && seconds.low < 40 && seconds.high >= 80 && seconds.high < 160);
    assert.equal((await ask(chatLines(2).replace("request-1", "request-0"))).seconds, null);
  } finally {
    await fresh.stop();
  }
});

test("a file that is not there, is of another purpose or of another tenant's is an error in the answer", async () => {
  const { id } = await server.client.files.create({ purpose: "evals", file: new File(["{}"], "a.jsonl") });
  for (const input_file_id of [id, "file-none"]) {
    const { status, body } = await call("POST", path, { input_file_id, endpoint: chat });
    const { valid, errors, bytes } = body as Validation;
    assert.deepEqual([status, valid, bytes], [200, false, 0]);
    assert.deepEqual([errors.data.length, errors.data[0]?.code], [1, "invalid_request"]);
  }
});

test("parameters are refused as those of a create are", async () => {
  const create = { completion_window: "24h" };
  for (const params of [
    {},
    { input_file_id: "file-a" },
    { input_file_id: 7, endpoint: chat },
    { input_file_id: "file-a", endpoint: null },
    { input_file_id: "file-a", endpoint: "/v1/none" },
    { input_file_id: "file-a", endpoint: "chat" },
  ]) {
    const [said, expected] = [
      await call("POST", path, params),
      await call("POST", "/v1/batches", { ...params, ...create }),
    ];
    assert.deepEqual([said.status, said.body], [400, expected.body], JSON.stringify(params));
  }
  const unknown = { message: "Unknown parameter: 'completion_window'.", param: "completion_window" };
  const body = { input_file_id: "a", endpoint: chat, ...create };
  await refused(400, { ...unknown, code: "unknown_parameter" }, "POST", path, body);
  const endpoint = { message: /^Invalid value: '\/v1\/none'\./, param: "endpoint", code: "invalid_value" };
  await refused(400, endpoint, "POST", `${path}?endpoint=/v1/none`, chatLines(1), jsonl);
  await refused(400, endpoint, "POST", path, chatLines(1).replace(chat, "/v1/none"), jsonl);
  const json = { "content-type": "application/json" };
  await refused(400, { message: /^Invalid body: failed to parse JSON/ }, "POST", path, chatLines(2), json);
});

test("a body of another type, or too large, is refused by what is taken", async () => {
  const type = { message: /^Unsupported content type: '.*'\. Send 'application\/json'/ };
  const code = "unsupported_content_type";
  for (const value of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/html"])
    await refused(415, { ...type, code }, "POST", path, chatLines(1), { "content-type": value });
  const tooLarge = { message: `The request body is larger than ${24 * MB} bytes.` };
  await refused(413, tooLarge, "POST", path, "x".repeat(24 * MB + 1), jsonl);
  for (const method of ["GET", "PUT", "DELETE"])
    assert.deepEqual((await call(method, path)).headers.get("allow"), "POST");
});

/** A body that does not say how long it is. */
function chunked(pieces: Iterable<string>): RequestInit {
  const iterator = pieces[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(new TextEncoder().encode(next.value));
    },
  });
  return { method: "POST", headers: jsonl, body, ...{ duplex: "half" } };
}

/** The same over a connection of its own, which ends with the answer: it may come before all was sent. */
async function alone(pieces: Iterable<string>): Promise<{ status: number | undefined; text: string }> {
  const sending = request(server.url + path, { method: "POST", headers: jsonl, agent: false });
  const answered = new Promise<IncomingMessage>((next, fail) =>
    sending.on("response", next).on("error", fail),
  );
  Readable.from(pieces).pipe(sending);
  const answer = await answered;
  let text = "";
  for await (const chunk of answer) text += chunk;
  sending.destroy();
  return { status: answer.statusCode, text };
}

test("a body in chunks is read whatever its cuts, and one too long to look ahead is asked for its length", async () => {
  const post = (pieces: Iterable<string>) => fetch(server.url + path, chunked(pieces));
  const cut = await post(mixed.match(/.{1,7}|\n/g) ?? []);
  assert.deepEqual(await cut.json(), (await call("POST", path, mixed, jsonl)).body);
  function* many() {
    for (let i = 0; i < 100; i++) yield chatLines(1_000).replaceAll("request", `r-${i}`);
  }
  const long = await alone(many());
  assert.equal(long.status, 411);
  assert.match(long.text, /has no Content-Length/);
});

test("hostile bodies are told what is wrong with them", async () => {
  const code = async (body: string | Uint8Array) => {
    const answer = await call("POST", path, body, jsonl);
    assert.equal(answer.status, 200, answer.text);
    return (answer.body as Validation).errors.data.map((error) => error.code);
  };
  assert.deepEqual(await code(""), ["empty_file"]);
  assert.deepEqual(await code("\n \n"), ["empty_file"]);
  assert.deepEqual(await code("\0".repeat(1_000)), ["invalid_json_line"]);
  assert.deepEqual(await code(`{"a":"${"x".repeat(5 * MB)}`), ["line_too_long"]);
  assert.deepEqual(await code(`\n\n${"x".repeat(5 * MB)}\n${chatLines(1)}`), ["line_too_long"]);
  assert.deepEqual(await code(Buffer.from("{}\n", "utf16le")), ["invalid_encoding"]);
  assert.deepEqual(await code(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])), ["invalid_file_format"]);
  const many = (await call("POST", path, "[]\n".repeat(50_001), jsonl)).body as Validation;
  assert.deepEqual([many.errors.data.length, many.error_count], [1_000, 50_002]);
  assert.equal(many.errors.data.at(-1)?.code, "too_many_tasks");
  const models = Array.from({ length: 2_000 }, (_, i) =>
    chatLines(1, `m-${i}`).replace("request-0", `r-${i}`),
  );
  const named = (await call("POST", path, models.join(""), jsonl)).body as Validation;
  assert.deepEqual([named.models.length, named.other_models, named.error_count], [50, 1_950, 2_000]);
});

test("openai-node posts a file by its path, and by the id of its upload", async () => {
  const file = join(folder, "in.jsonl");
  await writeFile(file, chatLines(20_000));
  const { client } = server;
  const body = await openAsBlob(file);
  const sent = await client.post<Validation>("/batches/validate", { body, headers: jsonl });
  assert.deepEqual([sent.valid, sent.request_counts], [true, { total: 20_000, valid: 20_000 }]);
  const { id: input_file_id } = await upload(mixed);
  const params = { body: { input_file_id, endpoint: chat } };
  const stored = await client.post<Validation>("/batches/validate", params);
  assert.deepEqual([stored.input_file_id, stored.valid], [input_file_id, false]);
  const wrong = client.post("/batches/validate", { body: { input_file_id } });
  await assert.rejects(wrong, /400 Missing required parameter: 'endpoint'\./);
});

test("others are served while a large file is checked, and after clients that go away in the middle of theirs", async () => {
  const { port } = new URL(server.url);
  const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/jsonl\r\n`;
  const half = `content-length: ${20 * MB}\r\n\r\n${chatLines(10_000)}`;
  for (const rest of [half, "transfer-encoding: chunked\r\n\r\n10\r\n{", `content-length: 9\r\n\r\n{"a`]) {
    const socket = connect(Number(port), "127.0.0.1");
    await new Promise((sent) => socket.write(head + rest, sent));
    socket.destroy();
  }
  const lines = chatLines(140_000).slice(0, 20 * MB);
  let done = false;
  const checked = call("POST", path, lines, jsonl).finally(() => {
    done = true;
  });
  let answered = 0;
  await until("it is checked", async () => {
    if ((await fetch(`${server.url}/health`)).ok && !done) answered += 1;
    return done;
  });
  const { status, body } = await checked;
  assert.deepEqual([status, (body as Validation).bytes], [200, lines.length]);
  assert.ok(answered > 0, "nobody was answered meanwhile");
  const { data } = await server.client.files.list();
  assert.ok(data.every(({ filename }) => filename === "input.jsonl" || filename === "a.jsonl"));
});

test("a call is counted against the rate, and needs a key as any other", async () => {
  const strict = await startServer({ MAX_REQUESTS_PER_MINUTE: "2" });
  try {
    const strictly = wire(() => strict.url);
    assert.equal((await strictly.call("POST", path, mixed, jsonl)).status, 200);
    assert.equal((await strictly.call("POST", path, mixed, jsonl)).status, 200);
    assert.equal((await strictly.call("POST", path, mixed, jsonl)).status, 429);
  } finally {
    await strict.stop();
  }
});
