/** Guards openai-node and curl: the official client drives the whole story, in every way it can upload. */

import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { BadRequestError, ConflictError, NotFoundError, toFile } from "openai";
import { chatLines, createBatch, ended, linesOf } from "./batches.ts";
import { type Started, startServer } from "./server.ts";

let server: Started;
let folder: string;
before(async () => {
  server = await startServer({ MAX_CONCURRENT_BATCHES: "20" });
  folder = await mkdtemp(join(tmpdir(), "edgebatch-sdk-"));
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const content = `${chatLines(20)}${chatLines(1).replace('"number 0"', "7").replace("request-0", "bad")}`;

test("openai-node uploads a stream, creates a batch, polls it to the end and downloads both files", async () => {
  const { client } = server;
  const path = join(folder, "in.jsonl");
  await writeFile(path, content);
  // The file part comes first and the purpose after it; the body is chunked and has no length.
  const input = await client.files.create({ purpose: "batch", file: createReadStream(path) });
  assert.deepEqual([input.filename, input.bytes], ["in.jsonl", content.length]);
  const created = await client.batches.create({
    input_file_id: input.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    metadata: { a: "b" },
  });
  assert.match(created._request_id ?? "", /^req_/);
  const batch = await ended(client, created.id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 21, completed: 20, failed: 1 });
  const output = await linesOf(client, batch.output_file_id);
  assert.deepEqual(
    output.map((line) => line.custom_id),
    Array.from({ length: 20 }, (_, i) => `request-${i}`),
  );
  const [error, ...more] = await linesOf(client, batch.error_file_id);
  assert.deepEqual(
    [error?.custom_id, error?.response?.status_code, error?.error, more],
    ["bad", 400, null, []],
  );
});

test("openai-node uploads bytes, a Blob, a fetch answer and a file in parts", async () => {
  const { client } = server;
  const download = await fetch(`data:application/jsonl,${encodeURIComponent(content)}`);
  for (const file of [
    await toFile(Buffer.from(content), "bytes.jsonl"),
    new File([content], "blob.jsonl"),
    await toFile(download, "fetched.jsonl"),
  ]) {
    const made = await client.files.create({ file, purpose: "batch" });
    assert.equal(made.bytes, content.length);
    assert.equal(await (await client.files.content(made.id)).text(), content);
  }
  const upload = await client.uploads.create({
    ...{ filename: "parts.jsonl", purpose: "batch", mime_type: "text/jsonl" },
    bytes: content.length,
  });
  const part = async (from: number, to?: number) =>
    (await client.uploads.parts.create(upload.id, { data: new File([content.slice(from, to)], "part") })).id;
  const part_ids = await Promise.all([part(0, 1000), part(1000, 2000), part(2000)]);
  const { file, status } = await client.uploads.complete(upload.id, { part_ids });
  assert.equal(status, "completed");
  assert.equal(await (await client.files.content(file?.id as string)).text(), content);
});

test("openai-node's errors are of the right class, with their code and param", async () => {
  const { client } = server;
  const fails = async (call: Promise<unknown>, kind: new (...args: never[]) => Error, fields: object) => {
    await assert.rejects(call, (error: unknown) => {
      assert.ok(error instanceof kind, String(error));
      const { code, param, type } = error as Error & Record<string, unknown>;
      assert.deepEqual(
        { code, param, type },
        { code: null, param: null, type: "invalid_request_error", ...fields },
      );
      return true;
    });
  };
  const { id } = await ended(client, (await createBatch(client, chatLines(1))).id);
  await fails(client.batches.retrieve("batch_no").then(), NotFoundError, {});
  await fails(client.files.retrieve("file-no").then(), NotFoundError, { param: "id" });
  await fails(client.batches.cancel(id).then(), ConflictError, {});
  await fails(client.batches.list({ limit: 101 }).then(), BadRequestError, {
    ...{ code: "integer_above_max_value", param: "limit" },
  });
  await fails(client.models.retrieve("gpt").then(), NotFoundError, {
    code: "model_not_found",
    param: "model",
  });
  const patient = client.withOptions({ maxRetries: 2 });
  const started = Date.now();
  await fails(patient.batches.cancel(id).then(), ConflictError, {});
  assert.ok(Date.now() - started < 400, "the conflict was tried again");
});

test("openai-node reads results by pages, with its own calls", async () => {
  const { client } = server;
  const { id } = await createBatch(client, chatLines(20));
  const seen: string[] = [];
  for (let [after, incomplete] = ["", true]; incomplete; ) {
    const query = { limit: 7, ...(after && { after }) };
    const page = await client.get(`/batches/${id}/results`, { query }).asResponse();
    for (const line of (await page.text()).split("\n")) if (line) seen.push(JSON.parse(line).custom_id);
    after = page.headers.get("x-last-line") ?? "";
    incomplete = page.headers.get("x-incomplete") === "true";
  }
  assert.deepEqual(seen.sort(), Array.from({ length: 20 }, (_, i) => `request-${i}`).sort());
  await assert.rejects(
    client.get(`/batches/${id}/results`, { query: { after: "x" } }).then(),
    BadRequestError,
  );
});

test("curl uploads with a chunked body, and gets both contents", async () => {
  const path = join(folder, "curl.jsonl");
  await writeFile(path, content);
  const run = promisify(execFile);
  const curl = async (...args: string[]) => (await run("curl", ["-sS", "--fail-with-body", ...args])).stdout;
  const chunked = ["-H", "Transfer-Encoding: chunked"];
  const form = ["-F", `file=@${path}`, "-F", "purpose=batch"];
  const file = JSON.parse(await curl(...chunked, ...form, `${server.url}/v1/files`));
  assert.deepEqual([file.filename, file.bytes], ["curl.jsonl", content.length]);
  const params = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
  const json = ["-H", "Content-Type: application/json", "-d", JSON.stringify(params)];
  const created = JSON.parse(await curl(...json, `${server.url}/v1/batches`));
  const batch = await ended(server.client, created.id);
  const output = await curl(`${server.url}/v1/files/${batch.output_file_id}/content`);
  assert.equal(output.split("\n").length, 21);
  const range = await curl("-r", "0-9", `${server.url}/v1/files/${batch.output_file_id}/content`);
  assert.equal(range, output.slice(0, 10));
});
