/** Guards the wire: shapes, statuses and texts of all routes but those of files, as clients and others' code expect them. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { chatLines, createBatch, ended } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { type Expected, form, wire } from "./wire.ts";

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

test("every answer carries a request id of its own and the headers of the API", async () => {
  const ids = new Set<string>();
  for (const path of ["/health", "/v1/files", "/v1/nothing", "/nothing"]) {
    const { headers } = await call("GET", path);
    assert.match(headers.get("x-request-id") ?? "", /^req_[0-9a-f]{32}$/);
    ids.add(headers.get("x-request-id") as string);
    assert.equal(headers.get("openai-version"), "2020-10-01");
    assert.match(headers.get("openai-processing-ms") ?? "", /^\d+$/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
  }
  assert.equal(ids.size, 4);
});

test("paths that there are not, and methods that a path does not take, are refused in the envelope", async () => {
  await refused(404, { message: "Invalid URL (GET /v1/foo)" }, "GET", "/v1/foo");
  await refused(404, { message: "Invalid URL (POST /v1/audio/speech)" }, "POST", "/v1/audio/speech", {});
  await refused(404, { message: "Invalid URL (GET /foo)" }, "GET", "/foo");
  const headers = await refused(405, { message: "Not allowed to PUT on /v1/files." }, "PUT", "/v1/files", {});
  assert.equal(headers.get("allow"), "GET, POST");
  const path = "/v1/batches/batch_1";
  await refused(405, { message: `Not allowed to DELETE on ${path}.` }, "DELETE", path);
});

test("a body that is no JSON, or no object, is refused", async () => {
  const broken = /^Invalid body: failed to parse JSON value\./;
  for (const body of ["{", "", "\ufeff{}", "{'a': 1}", "{}{}"]) {
    await refused(400, { message: broken }, "POST", "/v1/batches", body);
    await refused(400, { message: broken }, "POST", "/v1/uploads", body);
  }
  const array = {
    message: "Invalid type for body: expected an object, but got an array instead.",
    code: "invalid_type",
  };
  await refused(400, array, "POST", "/v1/batches", "[]");
});

test("a batch is created as OpenAI does, and runs to its end", async () => {
  const { id: input } = await upload(chatLines(3));
  const metadata = { project: "a", empty: "" };
  const { status, body } = await call("POST", "/v1/batches", { ...good, input_file_id: input, metadata });
  assert.equal(status, 200);
  const { id, created_at, ...rest } = body;
  assert.match(id, /^batch_[0-9a-f]{32}$/);
  assert.equal(Number.parseInt(id.slice(6, 14), 16), created_at);
  const none = {
    in_progress_at: null,
    finalizing_at: null,
    completed_at: null,
    failed_at: null,
    expired_at: null,
  };
  assert.deepEqual(rest, {
    ...{ object: "batch", endpoint: "/v1/chat/completions", model: null, errors: null, input_file_id: input },
    ...{ completion_window: "24h", status: "validating", output_file_id: null, error_file_id: null },
    ...{ ...none, expires_at: created_at + 86_400, cancelling_at: null, cancelled_at: null },
    request_counts: { total: 0, completed: 0, failed: 0 },
    usage: {
      ...{ input_tokens: 0, output_tokens: 0, total_tokens: 0 },
      ...{ input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } },
    },
    metadata,
  });
  await ended(server.client, id);
  const done = (await call("GET", `/v1/batches/${id}`)).body;
  assert.equal(done.status, "completed");
  assert.equal(done.model, "echo-1");
  assert.deepEqual(done.request_counts, { total: 3, completed: 3, failed: 0 });
  assert.ok(done.usage.total_tokens > 0);
  assert.equal(done.error_file_id, null);
  const output = (await call("GET", `/v1/files/${done.output_file_id}`)).body;
  assert.equal(output.purpose, "batch_output");
  assert.equal(output.filename, `${id}_output.jsonl`);
  assert.equal(output.expires_at, output.created_at + 2_592_000);
  const content = await call("GET", `/v1/files/${done.output_file_id}/content`);
  assert.match(
    content.headers.get("content-disposition") ?? "",
    new RegExp(`^attachment; filename="${id}_output.jsonl"$`),
  );
  const lines = content.text.split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).custom_id),
    ["request-0", "request-1", "request-2"],
  );
  assert.deepEqual(Object.keys(JSON.parse(lines[0] as string)), ["id", "custom_id", "response", "error"]);
  const conflict = { message: "Cannot cancel a batch with status 'completed'." };
  const headers = await refused(409, conflict, "POST", `/v1/batches/${id}/cancel`);
  assert.equal(headers.get("x-should-retry"), "false");
});

test("output files live as long as the batch says, and the batch does not say it back", async () => {
  const { id: input } = await upload();
  const output_expires_after = { anchor: "created_at", seconds: 7200 };
  const { body } = await call("POST", "/v1/batches", { ...good, input_file_id: input, output_expires_after });
  assert.ok(!("output_expires_after" in body));
  const done = await ended(server.client, body.id);
  const output = await server.client.files.retrieve(done.output_file_id as string);
  assert.equal(output.expires_at, output.created_at + 7200);
});

test("a create that is refused says which parameter is wrong", async () => {
  const cases: [object, Expected][] = [
    [
      { input_file_id: undefined },
      {
        message: "Missing required parameter: 'input_file_id'.",
        param: "input_file_id",
        code: "missing_required_parameter",
      },
    ],
    [
      { endpoint: undefined },
      {
        message: "Missing required parameter: 'endpoint'.",
        param: "endpoint",
        code: "missing_required_parameter",
      },
    ],
    [
      { endpoint: "/v1/invalid" },
      {
        message:
          "Invalid value: '/v1/invalid'. Supported values are: '/v1/chat/completions', '/v1/completions', " +
          "'/v1/embeddings', '/v1/responses', and '/v1/moderations'.",
        param: "endpoint",
        code: "invalid_value",
      },
    ],
    [
      { completion_window: "48h" },
      {
        message: "Invalid value: '48h'. Value must be '24h'.",
        param: "completion_window",
        code: "invalid_value",
      },
    ],
    [
      { metadata: { tags: ["a"] } },
      {
        message: "Invalid type for 'metadata.tags': expected a string, but got an array instead.",
        param: "metadata.tags",
        code: "invalid_type",
      },
    ],
    [
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ""])) },
      {
        message: /at most 16 properties, but got an object with 17/,
        param: "metadata",
        code: "object_above_max_properties",
      },
    ],
    [
      { metadata: { k: "x".repeat(513) } },
      {
        message: /maximum length 512, but got a string with length 513/,
        param: "metadata.k",
        code: "string_above_max_length",
      },
    ],
    [
      { output_expires_after: { anchor: "created_at", seconds: 1 } },
      {
        message:
          "Invalid 'output_expires_after.seconds': integer below minimum value. Expected a value >= 3600, but got 1 instead.",
        param: "output_expires_after.seconds",
        code: "integer_below_min_value",
      },
    ],
  ];
  for (const [change, expected] of cases) {
    await refused(400, expected, "POST", "/v1/batches", { ...good, ...change });
  }
});

test("a batch over a file that is missing or of another purpose is created, and fails in validation", async () => {
  const other = await call("POST", "/v1/files", form({ purpose: "user_data" }, chatLines(1)));
  const deleted = await upload();
  await call("DELETE", `/v1/files/${deleted.id}`);
  for (const input of ["file-missing", other.body.id, deleted.id]) {
    const { status, body } = await call("POST", "/v1/batches", { ...good, input_file_id: input });
    assert.equal(status, 200);
    assert.equal(body.status, "validating");
    const failed = await ended(server.client, body.id);
    assert.equal(failed.status, "failed");
    assert.equal(failed.errors?.data?.length, 1);
    const [error] = failed.errors?.data ?? [];
    assert.match(
      error?.message ?? "",
      new RegExp(`^Cannot find file ${input}, or organization .*does not have access`),
    );
    assert.deepEqual([error?.code, error?.param, error?.line], ["invalid_request", "file_id", null]);
    assert.deepEqual(failed.request_counts, { total: 0, completed: 0, failed: 0 });
  }
});

test("bad lines are all named, by their line, and nothing runs", async () => {
  const lines = `${chatLines(1)}{"custom_id": "b"\n\n${chatLines(1).replace("echo-1", "gpt-none").replace("request-0", "c")}`;
  const failed = await ended(server.client, (await createBatch(server.client, lines)).id);
  assert.equal(failed.status, "failed");
  assert.deepEqual(
    failed.errors?.data?.map(({ code, line }) => [code, line]),
    [
      ["invalid_json_line", 2],
      ["model_not_found", 4],
    ],
  );
  assert.deepEqual([failed.output_file_id, failed.error_file_id], [null, null]);
});

test("batches that there are not are 404, and ids that cannot be are 400", async () => {
  const missing = { message: "No batch found with id 'batch_nothing'." };
  await refused(404, missing, "GET", "/v1/batches/batch_nothing");
  await refused(404, missing, "POST", "/v1/batches/batch_nothing/cancel");
  const invalid = {
    message: "Invalid 'batch_id': 'invalid'. Expected an ID that begins with 'batch'.",
    param: "batch_id",
    code: "invalid_value",
  };
  await refused(400, invalid, "GET", "/v1/batches/invalid");
  await refused(400, invalid, "POST", "/v1/batches/invalid/cancel");
});

test("limits of the list of batches are kept", async () => {
  const list = async (query: string) => call("GET", `/v1/batches${query}`);
  const below = "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.";
  await refused(
    400,
    { message: below, param: "limit", code: "integer_below_min_value" },
    "GET",
    "/v1/batches?limit=0",
  );
  const above = "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.";
  await refused(
    400,
    { message: above, param: "limit", code: "integer_above_max_value" },
    "GET",
    "/v1/batches?limit=101",
  );
  const { body } = await list("?limit=2");
  assert.deepEqual(Object.keys(body), ["object", "data", "first_id", "last_id", "has_more"]);
  assert.equal(body.data.length, 2);
  assert.equal(body.has_more, true);
  const next = (await list(`?limit=2&after=${body.last_id}`)).body;
  assert.ok(next.data[0].id < body.last_id);
});

test("the same idempotency key gives the same batch, in the body or in the header", async () => {
  const { id: input_file_id } = await upload();
  const params = { ...good, input_file_id };
  const first = (await call("POST", "/v1/batches", params, { "idempotency-key": "k1" })).body;
  const again = (await call("POST", "/v1/batches", params, { "idempotency-key": "k1" })).body;
  const inBody = (await call("POST", "/v1/batches", { ...params, idempotency_key: "k1" })).body;
  assert.deepEqual([again.id, inBody.id], [first.id, first.id]);
  const at = await Promise.all(
    Array.from({ length: 5 }, () => call("POST", "/v1/batches", params, { "idempotency-key": "k2" })),
  );
  assert.equal(new Set(at.map(({ body }) => body.id)).size, 1);
  const expected = {
    message: /was previously used with different parameters\./,
    param: "idempotency_key",
    code: "idempotency_key_reused",
  };
  const other = { ...params, metadata: { a: "b" } };
  await refused(409, expected, "POST", "/v1/batches", other, { "idempotency-key": "k1" });
});

test("the models are those that answer", async () => {
  const { body } = await call("GET", "/v1/models");
  assert.deepEqual(body, {
    object: "list",
    data: [{ id: "echo-1", object: "model", created: 0, owned_by: "edgebatch" }],
  });
  assert.equal((await call("GET", "/v1/models/echo-1")).body.id, "echo-1");
  const none = { message: "The model 'gpt' does not exist", param: "model", code: "model_not_found" };
  await refused(404, none, "GET", "/v1/models/gpt");
});
