/** Guards the walls: who may call, and that no tenant sees, uses or learns of what is another's. */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import OpenAI, { AuthenticationError, NotFoundError } from "openai";
import { chatLines, createBatch, ended } from "./batches.ts";
import { type Started, startServer } from "./server.ts";

const aliceKey = "sk-alice-0123456789-secret";
const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");

/** A key as the script makes them. */
function makeKey(name: string): { key: string; entry: string } {
  const printed = execFileSync(process.execPath, ["scripts/serve/make-key.mjs", name], { encoding: "utf8" });
  const [, key = "", entry = ""] = /(sk-\S+)[\s\S]*?(\w+:[0-9a-f]{64})\n$/.exec(printed) ?? [];
  return { key, entry };
}

const bobKeys = makeKey("bob");
let server: Started;
let alice: OpenAI;
let bob: OpenAI;
before(async () => {
  server = await startServer({ API_KEYS: `alice:${sha256(aliceKey)}, ${bobKeys.entry}` });
  const client = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  alice = client(aliceKey);
  bob = client(bobKeys.key);
});
after(() => server.stop());

test("a call without a key, or with a wrong one, is refused on every route", async () => {
  const id = "batch_1";
  for (const [method, path] of [
    ["GET", "/v1/files"],
    ["POST", "/v1/files"],
    ["GET", "/v1/files/file-1/content"],
    ["DELETE", "/v1/files/file-1"],
    ["POST", "/v1/uploads"],
    ["GET", "/v1/batches"],
    ["POST", "/v1/batches"],
    ["POST", `/v1/batches/${id}/cancel`],
    ["GET", "/v1/models"],
    ["GET", "/v1/nothing"],
  ] as const) {
    const response = await fetch(server.url + path, { method });
    assert.equal(response.status, 401, `${method} ${path}`);
    assert.equal(response.headers.get("www-authenticate"), 'Bearer realm="OpenAI API"');
    const { error } = (await response.json()) as { error: object };
    const message = "Missing bearer or basic authentication in header";
    assert.deepEqual(error, { message, type: "invalid_request_error", param: null, code: null });
  }
  const wrong = new OpenAI({
    baseURL: `${server.url}/v1`,
    apiKey: "not-a-real-key-authorized",
    maxRetries: 0,
  });
  await assert.rejects(wrong.files.list().then(), (error: unknown) => {
    assert.ok(error instanceof AuthenticationError);
    assert.equal(error.code, "invalid_api_key");
    assert.match(error.message, /Incorrect API key provided: not-a-re\*+ized\.$/);
    return true;
  });
  assert.equal((await fetch(`${server.url}/health`)).status, 200);
});

test("a key also works as the password of basic authentication", async () => {
  const authorization = `Basic ${btoa(`:${aliceKey}`)}`;
  assert.equal((await fetch(`${server.url}/v1/files`, { headers: { authorization } })).status, 200);
  const almost = `Basic ${btoa(`:${aliceKey.slice(0, -1)}`)}`;
  assert.equal((await fetch(`${server.url}/v1/files`, { headers: { authorization: almost } })).status, 401);
});

test("another tenant's files and batches are not there, whatever is asked", async () => {
  const batch = await ended(alice, (await createBatch(alice, chatLines(3))).id);
  const [input, output] = [batch.input_file_id, batch.output_file_id as string];
  const upload = await alice.uploads.create({
    filename: "a",
    purpose: "batch",
    bytes: 1,
    mime_type: "text/plain",
  });
  for (const id of [input, output]) {
    await assert.rejects(bob.files.retrieve(id).then(), NotFoundError);
    await assert.rejects(bob.files.content(id).then(), NotFoundError);
    await assert.rejects(bob.files.delete(id).then(), NotFoundError);
    await assert.rejects(bob.files.list({ after: id }).then(), NotFoundError);
  }
  await assert.rejects(bob.batches.retrieve(batch.id).then(), NotFoundError);
  await assert.rejects(bob.batches.cancel(batch.id).then(), NotFoundError);
  const part = new File(["x"], "part");
  await assert.rejects(bob.uploads.parts.create(upload.id, { data: part }).then(), NotFoundError);
  await assert.rejects(bob.uploads.complete(upload.id, { part_ids: [] }).then(), NotFoundError);
  await assert.rejects(bob.uploads.cancel(upload.id).then(), NotFoundError);
  assert.deepEqual((await bob.files.list()).data, []);
  assert.deepEqual((await bob.batches.list()).data, []);
  assert.deepEqual((await bob.batches.list({ after: batch.id })).data, []);

  const stolen = await bob.batches.create({
    input_file_id: input,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  const failed = await ended(bob, stolen.id);
  assert.equal(failed.status, "failed");
  assert.match(failed.errors?.data?.[0]?.message ?? "", /^Cannot find file/);
  assert.equal((await alice.batches.list()).data.length, 1);
  assert.equal((await alice.files.content(output).then((r) => r.text())).split("\n").length, 4);
});

test("an idempotency key is its tenant's own", async () => {
  const make = async (client: OpenAI) => {
    const file = await client.files.create({ purpose: "batch", file: new File([chatLines(1)], "a.jsonl") });
    const params = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
    const headers = { "Idempotency-Key": "same" };
    return client.batches.create({ ...params, input_file_id: file.id }, { headers });
  };
  const [one, other] = [await make(alice), await make(bob)];
  assert.notEqual(one.id, other.id);
});

test("neither prompts nor keys are in the log", async () => {
  const secret = "a prompt that nobody else may read";
  const lines = chatLines(2).replace("number 1", secret);
  await ended(alice, (await createBatch(alice, lines)).id);
  assert.ok(!server.log().includes(secret));
  assert.ok(!server.log().includes(aliceKey));
  assert.ok(!server.log().includes(bobKeys.key));
});

test("a page may call with a key: preflights are answered for all methods and for the headers of the SDKs", async () => {
  const asked = "authorization,content-type,x-stainless-os,x-stainless-retry-count,idempotency-key";
  const origin = "https://example.com";
  const { status, headers } = await fetch(`${server.url}/v1/batches`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": asked },
  });
  assert.equal(status, 204);
  assert.equal(headers.get("access-control-allow-origin"), "*");
  assert.equal(headers.get("access-control-allow-headers"), asked);
  assert.match(headers.get("access-control-allow-methods") ?? "", /\bDELETE\b/);
  for (const authorization of [`Bearer ${aliceKey}`, "Bearer wrong"]) {
    const answer = await fetch(`${server.url}/v1/files`, { headers: { origin, authorization } });
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    const exposed = answer.headers.get("access-control-expose-headers")?.split(", ") ?? [];
    for (const name of ["x-request-id", "x-should-retry", "retry-after", "retry-after-ms", "etag"]) {
      assert.ok(exposed.includes(name), name);
    }
  }
});
