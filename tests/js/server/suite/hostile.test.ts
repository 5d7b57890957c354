/** Guards the Worker against input that no client of OpenAI's sends: it is refused with its reason, and never a fault. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { chatLines, createBatch, ended } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { form, wire } from "./wire.ts";

let server: Started;
before(async () => {
  server = await startServer({ ECHO_LATENCY_MS: "50" });
});
after(() => server.stop());
const { call, refused } = wire(() => server.url);

const good = '"endpoint":"/v1/chat/completions","completion_window":"24h","input_file_id":"file-x"';
const nested = (open: string, close: string, depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;

test("a body of thousands of levels is refused, and what is within the limit is not", async () => {
  const deep = { message: "Invalid body: it is more than 100 levels deep." };
  for (const value of [nested("[", "]", 5_000), nested('{"a":', "}", 5_000), nested("[", "]", 500_000)]) {
    await refused(400, deep, "POST", "/v1/batches", `{${good},"metadata":{"a":${value}}}`);
    await refused(400, deep, "POST", "/v1/uploads", `{"filename":${value}}`);
  }
  const unknown = { message: "Unknown parameter: 'other'.", param: "other", code: "unknown_parameter" };
  await refused(400, unknown, "POST", "/v1/batches", `{${good},"other":${nested("[", "]", 98)}}`);
});

test("a body that is not Unicode is no JSON", async () => {
  const broken = { message: /^Invalid body: failed to parse JSON value\./ };
  const latin = Buffer.from(`{${good},"metadata":{"name":"J\xfcrgen"}}`, "latin1");
  const cut = Buffer.from(`{${good},"metadata":{"name":"J\xc3`, "latin1");
  const [half, halfName] = ['{"a":"\\ud83d"}', '{"\\ude00":"a"}'];
  for (const body of [latin, cut, `{${good},"metadata":${half}}`, `{${good},"metadata":${halfName}}`]) {
    await refused(400, broken, "POST", "/v1/batches", body);
  }
  const { body } = await call("POST", "/v1/batches", `{${good},"metadata":{"a":"\\ud83d\\ude00"}}`);
  assert.equal(body.metadata.a, "😀");
});

test("metadata may have the names of a prototype's properties", async () => {
  const metadata = { constructor: "b", toString: "c", hasOwnProperty: "" };
  const sent = `{${good},"metadata":${JSON.stringify(metadata)}}`;
  const { body } = await call("POST", "/v1/batches", sent);
  assert.deepEqual(body.metadata, metadata);
  assert.deepEqual((await call("GET", `/v1/batches/${body.id}`)).body.metadata, metadata);
  const param = "__proto__";
  const unknown = { message: `Unknown parameter: '${param}'.`, param, code: "unknown_parameter" };
  await refused(400, unknown, "POST", "/v1/batches", `{${good},"__proto__":{"endpoint":"/v1/none"}}`);
});

test("an anchor that is no string is told so", async () => {
  const param = "output_expires_after.anchor";
  for (const [anchor, kind] of [
    ['{"toString":1}', "an object"],
    ["null", "null"],
    ["[]", "an array"],
  ]) {
    const message = `Invalid type for '${param}': expected a string, but got ${kind} instead.`;
    const body = `{${good},"output_expires_after":{"anchor":${anchor},"seconds":3600}}`;
    await refused(400, { message, param, code: "invalid_type" }, "POST", "/v1/batches", body);
  }
});

test("ids, keys and names of files have a longest length, so that pages of them have one", async () => {
  const long = "x".repeat(1025);
  const expected = (param: string, length = 1025) => {
    const got = `but got a string with length ${length} instead.`;
    const message = `Invalid '${param}': string too long. Expected a string with maximum length 1024, ${got}`;
    return { message, param, code: "string_above_max_length" };
  };
  const params = JSON.parse(`{${good}}`);
  const idParam = expected("input_file_id");
  await refused(400, idParam, "POST", "/v1/batches", { ...params, input_file_id: long });
  const header = { "idempotency-key": long };
  await refused(400, expected("idempotency_key"), "POST", "/v1/batches", params, header);
  const name = `${long}.jsonl`;
  const file = form({ purpose: "batch" }, chatLines(1), name);
  await refused(400, expected("filename", name.length), "POST", "/v1/files", file);
  const upload = { filename: long, purpose: "batch", bytes: 1, mime_type: "a" };
  await refused(400, expected("filename"), "POST", "/v1/uploads", upload);
});

test("an upload of more parts than can be listed is refused", async () => {
  const upload = { filename: "a", purpose: "evals", bytes: 1, mime_type: "a" };
  const { body } = await call("POST", "/v1/uploads", upload);
  const message =
    "Invalid 'part_ids': array too long. Expected an array with maximum length 10000, but got an array with length " +
    "10001 instead.";
  const expected = { message, param: "part_ids", code: "array_above_max_length" };
  const part_ids = Array.from({ length: 10_001 }, (_, i) => `part_${i}`);
  await refused(400, expected, "POST", `/v1/uploads/${body.id}/complete`, { part_ids });
});

test("a limit that no number holds is beyond the bound all the same", async () => {
  const above = { message: /^Invalid 'limit': integer above maximum value\./, param: "limit" };
  const below = { message: /^Invalid 'limit': integer below minimum value\./, param: "limit" };
  for (const path of ["/v1/batches", "/v1/files"]) {
    const [most, least] = ["integer_above_max_value", "integer_below_min_value"];
    await refused(400, { ...above, code: most }, "GET", `${path}?limit=99999999999999999999`);
    await refused(400, { ...below, code: least }, "GET", `${path}?limit=-99999999999999999999`);
  }
});

test("fields of a form that are not known are refused, and known ones are short", async () => {
  for (const [name, value] of [
    ["comment", "x".repeat(100_000)],
    ["expires_after", '{"anchor":"created_at","seconds":3600}'],
    ["expires_after.anchor", "created_at"],
    ["expires_after[second]", "3600"],
  ] as const) {
    const message = `Additional properties are not allowed ('${name}' was unexpected)`;
    const sent = form({ purpose: "batch", [name]: value }, chatLines(1));
    await refused(400, { message }, "POST", "/v1/files", sent);
  }
  const long = { message: "The form field 'purpose' is too long.", param: "purpose" };
  await refused(400, long, "POST", "/v1/files", form({ purpose: "x".repeat(1025) }, chatLines(1)));
});

test("names in a body that no parameter has are refused, and the reserved one is kept free", async () => {
  const unknown = (param: string) => {
    return { message: `Unknown parameter: '${param}'.`, param, code: "unknown_parameter" };
  };
  const params = JSON.parse(`{${good}}`);
  const expiry = { anchor: "created_at", seconds: 3600, minutes: 1 };
  const cases: [string, object][] = [
    ["foo", { foo: 1 }],
    ["output_expires_after.minutes", { output_expires_after: expiry }],
    ["edgebatch.urgency", { edgebatch: { urgency: 1 } }],
  ];
  for (const [param, more] of cases) {
    await refused(400, unknown(param), "POST", "/v1/batches", { ...params, ...more });
  }
  const type = "Invalid type for 'edgebatch': expected an object, but got a string instead.";
  const wrong = { message: type, param: "edgebatch", code: "invalid_type" };
  await refused(400, wrong, "POST", "/v1/batches", { ...params, edgebatch: "a" });
  assert.equal((await call("POST", "/v1/batches", { ...params, edgebatch: {} })).status, 200);
  const upload = { filename: "a", purpose: "batch", bytes: 1, mime_type: "a", md5: "a" };
  await refused(400, unknown("md5"), "POST", "/v1/uploads", upload);
});

test("a long first line is judged by how it begins, in a form and in an upload", async () => {
  const uploaded = async (content: string) => {
    const params = { filename: "a.jsonl", purpose: "batch", bytes: content.length, mime_type: "a" };
    const { id } = (await call("POST", "/v1/uploads", params)).body;
    const data = new FormData();
    data.set("data", new File([content], "upload"));
    const part = (await call("POST", `/v1/uploads/${id}/parts`, data)).body;
    return ["POST", `/v1/uploads/${id}/complete`, { part_ids: [part.id] }] as const;
  };
  const long = "x".repeat(1_500_000);
  const format = { message: "Invalid file format for Batch API. Must be .jsonl" };
  for (const content of [long, `\n${long}`, "\0".repeat(1_500_000)]) {
    await refused(400, format, "POST", "/v1/files", form({ purpose: "batch" }, content));
    await refused(400, format, ...(await uploaded(content)));
  }
  for (const content of [`\r\n{"a":"${long}"}\n`, `\ufeff{"a":1}`]) {
    assert.equal((await call("POST", "/v1/files", form({ purpose: "batch" }, content))).status, 200);
  }
  assert.equal((await call(...(await uploaded(`\n{"a":"${long}"}\n`)))).status, 200);
});

test("ids of any shape are 404 in the envelope", async () => {
  const ids = {
    "%00": "\0",
    "a%2Fb": "a/b",
    "%ff": "%ff",
    "%": "%",
    __proto__: "__proto__",
    "%F0%9F%98%80": "😀",
  };
  for (const [encoded, id] of Object.entries({ ...ids, ["y".repeat(6_000)]: "y".repeat(6_000) })) {
    const file = { message: `No such File object: ${id}`, param: "id" };
    await refused(404, file, "GET", `/v1/files/${encoded}`);
    await refused(404, file, "GET", `/v1/files/${encoded}/content`);
    await refused(404, file, "DELETE", `/v1/files/${encoded}`);
    const batch = { message: `No batch found with id 'batch${id}'.` };
    await refused(404, batch, "GET", `/v1/batches/batch${encoded}`);
    await refused(404, batch, "POST", `/v1/batches/batch${encoded}/cancel`);
    const upload = { message: `No such Upload object: ${id}`, param: "id" };
    await refused(404, upload, "POST", `/v1/uploads/${encoded}/cancel`);
  }
});

test("a create that is repeated with its key does not change how long the files of the batch live", async () => {
  const expiry = (seconds: number) => ({ output_expires_after: { anchor: "created_at" as const, seconds } });
  const key = { idempotency_key: "once" } as object;
  const { id, input_file_id } = await createBatch(server.client, chatLines(100), {
    ...expiry(7200),
    ...key,
  });
  const again = { ...JSON.parse(`{${good}}`), input_file_id, ...expiry(3600), ...key };
  assert.equal((await call("POST", "/v1/batches", again)).body.id, id);
  const done = await ended(server.client, id);
  const output = await server.client.files.retrieve(done.output_file_id as string);
  assert.equal(output.expires_at, output.created_at + 7200);
});
