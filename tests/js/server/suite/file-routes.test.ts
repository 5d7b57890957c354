/** Guards the wire of files and uploads: shapes, statuses and texts, as OpenAI's own clients and others' code expect them. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { chatLines, ended } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { form, wire } from "./wire.ts";

let server: Started;
before(async () => {
  server = await startServer({ MAX_CONCURRENT_BATCHES: "4" });
});
after(() => server.stop());

const { call, refused } = wire(() => server.url);

async function upload(content = chatLines(3), fields: Record<string, string> = {}, name = "in.jsonl") {
  const { status, body, text } = await call(
    "POST",
    "/v1/files",
    form({ purpose: "batch", ...fields }, content, name),
  );
  assert.equal(status, 200, text);
  return body;
}

const good = { endpoint: "/v1/chat/completions", completion_window: "24h", input_file_id: "file-x" };

test("a file is stored and described as OpenAI does", async () => {
  const content = chatLines(3);
  const before = Math.floor(Date.now() / 1000);
  const file = await upload(content, {}, '你好 "a".jsonl');
  const keys = [
    "object",
    "id",
    "purpose",
    "filename",
    "bytes",
    "created_at",
    "expires_at",
    "status",
    "status_details",
  ];
  assert.deepEqual(Object.keys(file), keys);
  assert.match(file.id, /^file-[0-9A-Za-z]{22}$/);
  assert.ok(file.created_at >= before && file.created_at <= before + 10);
  const { object, purpose, filename, bytes, status, status_details } = file;
  assert.deepEqual(
    { object, purpose, filename, bytes, status, status_details },
    {
      object: "file",
      purpose: "batch",
      filename: '你好 "a".jsonl',
      bytes: Buffer.byteLength(content),
      status: "processed",
      status_details: null,
    },
  );
  assert.equal(file.expires_at, file.created_at + 2_592_000);
  assert.deepEqual((await call("GET", `/v1/files/${file.id}`)).body, file);

  const download = await call("GET", `/v1/files/${file.id}/content`, undefined, {
    accept: "application/binary",
  });
  assert.equal(download.text, content);
  assert.equal(download.headers.get("content-type"), "application/octet-stream");
  assert.equal(download.headers.get("content-length"), String(bytes));
  assert.equal(
    download.headers.get("content-disposition"),
    `attachment; filename="__ _a_.jsonl"; filename*=utf-8''%E4%BD%A0%E5%A5%BD%20%22a%22.jsonl`,
  );

  const deleted = await call("DELETE", `/v1/files/${file.id}`, undefined, {
    "content-type": "application/json",
  });
  assert.deepEqual(deleted.body, { object: "file", deleted: true, id: file.id });
  const gone = { message: `No such File object: ${file.id}`, param: "id" };
  await refused(404, gone, "GET", `/v1/files/${file.id}`);
  await refused(404, gone, "GET", `/v1/files/${file.id}/content`);
  await refused(404, gone, "DELETE", `/v1/files/${file.id}`);
});

test("a file's life may be set, and other purposes live for ever", async () => {
  const set = await upload(chatLines(1), {
    "expires_after[anchor]": "created_at",
    "expires_after[seconds]": "3600",
  });
  assert.equal(set.expires_at, set.created_at + 3600);
  const other = await call("POST", "/v1/files", form({ purpose: "user_data" }, "any bytes", "a.txt"));
  assert.equal(other.body.expires_at, null);
  const notAllowed = { message: "Not allowed to download files of purpose: user_data" };
  await refused(400, notAllowed, "GET", `/v1/files/${other.body.id}/content`);
  const short = form({
    purpose: "batch",
    "expires_after[anchor]": "created_at",
    "expires_after[seconds]": "1",
  });
  const message =
    "Invalid 'expires_after.seconds': integer below minimum value. Expected a value >= 3600, but got 1 instead.";
  const expected = { message, param: "expires_after.seconds", code: "integer_below_min_value" };
  await refused(400, expected, "POST", "/v1/files", short);
});

test("uploads that OpenAI refuses at once are refused, and no others", async () => {
  const purposes = "['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals']";
  const bad = { message: `'world_domination' is not one of ${purposes} - 'purpose'`, param: "purpose" };
  await refused(400, bad, "POST", "/v1/files", form({ purpose: "world_domination" }));
  await refused(400, { message: "'purpose' is a required property" }, "POST", "/v1/files", form({}));
  await refused(
    400,
    { message: "'file' is a required property" },
    "POST",
    "/v1/files",
    form({ purpose: "batch" }, null),
  );
  const format = { message: "Invalid file format for Batch API. Must be .jsonl" };
  const batch = { purpose: "batch" };
  await refused(400, format, "POST", "/v1/files", form(batch, chatLines(1), "in.txt"));
  await refused(400, format, "POST", "/v1/files", form(batch, ""));
  await refused(400, format, "POST", "/v1/files", form(batch, "{malformed json"));
  await refused(400, format, "POST", "/v1/files", form(batch, "[1]\n"));
  for (const [content, name] of [
    [chatLines(1), "test-batch-file"],
    [chatLines(1), "IN.JSONL"],
    ['\n\r\n {"custom_id":"a"}\r\nbroken', "in.jsonl"],
    [`{"a":"${"x".repeat(2_000_000)}"}`, "long.jsonl"],
  ] as const) {
    await upload(content, {}, name);
  }
  const contentType = /^Invalid Content-Type: expected 'multipart\/form-data'/;
  await refused(400, { message: contentType }, "POST", "/v1/files", {});
  const type = { "content-type": "multipart/form-data; boundary=b" };
  const cut = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{"a":1}';
  const broken = { message: /^Could not parse the multipart\/form-data body/ };
  await refused(400, broken, "POST", "/v1/files", cut, type);
});

test("a file that was refused leaves nothing in the list", async () => {
  const before = (await call("GET", "/v1/files")).body.data.length;
  await call("POST", "/v1/files", form({ purpose: "batch" }, "not json"));
  assert.equal((await call("GET", "/v1/files")).body.data.length, before);
});

test("ranges of a file come as asked for", async () => {
  const content = chatLines(5);
  const { id } = await upload(content);
  const size = content.length;
  const get = (range: string, more = {}) =>
    call("GET", `/v1/files/${id}/content`, undefined, { range, ...more });
  for (const [range, from, to] of [
    ["bytes=0-0", 0, 1],
    ["bytes=5-9", 5, 10],
    ["bytes=10-", 10, size],
    ["bytes=-7", size - 7, size],
    ["Bytes=0-1", 0, 2],
    [`bytes=5-${size + 100}`, 5, size],
  ] as const) {
    const { status, text, headers } = await get(range);
    assert.equal(status, 206, range);
    assert.equal(text, content.slice(from, to), range);
    assert.equal(headers.get("content-range"), `bytes ${from}-${to - 1}/${size}`);
    assert.equal(headers.get("content-length"), String(to - from));
  }
  const beyond = await get(`bytes=${size}-`);
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers.get("content-range"), `bytes */${size}`);
  // What is not understood is answered with the whole file.
  for (const range of ["lines=1-2", "bytes=3-1", "bytes=0-1,4-5", "bytes=-"]) {
    assert.equal((await get(range)).status, 200, range);
  }
  assert.equal((await get("bytes=0-3", { "if-range": '"another"' })).text, content);
  assert.equal((await call("HEAD", `/v1/files/${id}/content`)).headers.get("content-length"), String(size));
});

test("files are listed newest first, or oldest first, by purpose, in pages that meet", async () => {
  const made: string[] = [];
  for (let i = 0; i < 7; i++) {
    const { body } = await call("POST", "/v1/files", form({ purpose: "evals" }, `${i}`, "e.txt"));
    made.push(body.id);
  }
  const list = async (query: string) => (await call("GET", `/v1/files?purpose=evals${query}`)).body;
  const ids = (page: { data: { id: string }[] }) => page.data.map((file) => file.id);
  const all = await list("");
  assert.deepEqual(Object.keys(all), ["object", "data", "has_more", "first_id", "last_id"]);
  assert.deepEqual(ids(all), made.toReversed());
  assert.equal(all.has_more, false);
  assert.deepEqual([all.first_id, all.last_id], [made[6], made[0]]);
  assert.deepEqual(ids(await list("&order=asc")), made);
  const first = await list("&limit=3");
  assert.deepEqual([ids(first), first.has_more], [made.slice(4).toReversed(), true]);
  const second = await list(`&limit=4&after=${first.last_id}`);
  assert.deepEqual([ids(second), second.has_more], [made.slice(0, 4).toReversed(), false]);
  const below = "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.";
  const least = { message: below, param: "limit", code: "integer_below_min_value" };
  await refused(400, least, "GET", "/v1/files?limit=0");
  const above =
    "Invalid 'limit': integer above maximum value. Expected a value <= 10000, but got 10001 instead.";
  await refused(
    400,
    { message: above, param: "limit", code: "integer_above_max_value" },
    "GET",
    "/v1/files?limit=10001",
  );
  await refused(
    404,
    { message: "No such File object: file-no", param: "after" },
    "GET",
    "/v1/files?after=file-no",
  );
});

test("an upload in parts becomes a file, in the order that complete names", async () => {
  const content = chatLines(4);
  const bytes = Buffer.byteLength(content);
  const make = (size: number, purpose = "batch") =>
    call("POST", "/v1/uploads", {
      filename: "big.jsonl",
      purpose,
      bytes: size,
      mime_type: "application/jsonl",
    });
  const part = async (id: string, text: string) => {
    const data = new FormData();
    data.set("data", new File([text], "upload"));
    return (await call("POST", `/v1/uploads/${id}/parts`, data)).body;
  };
  const { body: upload } = await make(bytes);
  assert.match(upload.id, /^upload_[0-9a-f]{32}$/);
  assert.deepEqual(upload, {
    ...{ id: upload.id, object: "upload", bytes, created_at: upload.created_at, filename: "big.jsonl" },
    ...{ purpose: "batch", status: "pending", expires_at: upload.created_at + 3600 },
  });
  const second = await part(upload.id, content.slice(100));
  const unused = await part(upload.id, "thrown away");
  const first = await part(upload.id, content.slice(0, 100));
  assert.deepEqual(Object.keys(first), ["id", "object", "created_at", "upload_id"]);
  assert.match(first.id, /^part_[0-9a-f]{32}$/);
  assert.deepEqual([first.object, first.upload_id], ["upload.part", upload.id]);

  const complete = `/v1/uploads/${upload.id}/complete`;
  const wrong = {
    message: /^The parts have \d+ bytes together, but the upload was created for/,
    param: "part_ids",
  };
  await refused(400, wrong, "POST", complete, { part_ids: [first.id] });
  await refused(400, { message: /MD5/, param: "md5" }, "POST", complete, {
    part_ids: [first.id, second.id],
    md5: "00",
  });
  const { createHash } = await import("node:crypto");
  const md5 = createHash("md5").update(content).digest("hex");
  const { body: completed } = await call("POST", complete, { part_ids: [first.id, second.id], md5 });
  assert.equal(completed.status, "completed");
  assert.equal(completed.file.bytes, bytes);
  assert.equal(completed.file.purpose, "batch");
  assert.equal((await call("GET", `/v1/files/${completed.file.id}/content`)).text, content);
  const across = { range: "bytes=95-104" };
  assert.equal(
    (await call("GET", `/v1/files/${completed.file.id}/content`, undefined, across)).text,
    content.slice(95, 105),
  );
  const closed = { message: /is completed, and takes no more changes/ };
  await refused(400, closed, "POST", complete, { part_ids: [unused.id] });
  await refused(400, closed, "POST", `/v1/uploads/${upload.id}/cancel`);

  const batch = await call("POST", "/v1/batches", { ...good, input_file_id: completed.file.id });
  assert.deepEqual((await ended(server.client, batch.body.id)).request_counts, {
    total: 4,
    completed: 4,
    failed: 0,
  });

  const { body: dropped } = await make(3, "user_data");
  await part(dropped.id, "abc");
  const { body: cancelled } = await call("POST", `/v1/uploads/${dropped.id}/cancel`);
  assert.deepEqual([cancelled.status, "file" in cancelled], ["cancelled", false]);
  await refused(
    404,
    { message: "No such Upload object: upload_no", param: "id" },
    "POST",
    "/v1/uploads/upload_no/cancel",
  );
});
