// The behaviours the project was asked for, through the TypeScript library with a real SQLite store in a temporary
// folder. tests/SEED.md is the list of them; rows are in tests/data/seed_cases.json under the tests' names.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  type Batch,
  type BatchCreateParams,
  Batches,
  type BatchesOptions,
  type BatchRequest,
  ConflictError,
  InvalidRequestError,
  MemoryFiles,
  type Models,
  ResourceNotFoundError,
  SqliteKV,
} from "../../js/entry/node.ts";
import cases from "../data/seed_cases.json" with { type: "json" };

const chat = "/v1/chat/completions";
const { sample } = cases;

const folder = mkdtempSync(join(tmpdir(), "edgebatch-seed-"));
const opened: SqliteKV[] = [];
after(() => {
  for (const kv of opened) kv.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Counts how often the service looks for unfinished batches. */
class WatchedKV extends SqliteKV {
  looks = 0;

  override list(query: Parameters<SqliteKV["list"]>[0]) {
    if (query.prefix === "run:") this.looks += 1;
    return super.list(query);
  }
}

/** A service of its own, over an empty SQLite file, that runs nothing by itself. */
function service(options: Partial<BatchesOptions> = {}) {
  const path = join(folder, `${opened.length}.db`);
  const kv = new WatchedKV(path);
  opened.push(kv);
  const files = new MemoryFiles();
  const models: Models = { has: async (model) => cases.known_models.includes(model) };
  const inference = { infer: () => Promise.reject(new Error("nothing is to run")) };
  const batches = new Batches({ kv, files, inference, models, autostart: false, ...options });
  return { batches, kv, files, path };
}

async function addFile(files: MemoryFiles, id: string, content: string): Promise<void> {
  const writer = await files.create({ filename: `${id}.jsonl`, purpose: "batch", id });
  await writer.write(new TextEncoder().encode(content));
  await writer.complete();
}

async function createThree(batches: Batches): Promise<Batch[]> {
  const created: Batch[] = [];
  for (let i = 0; i < 3; i++) {
    created.push(
      await batches.create({ input_file_id: `file_${i}`, endpoint: chat, completion_window: "24h" }),
    );
  }
  return created;
}

const ids = (batches: Batch[]) => batches.map((batch) => batch.id);

/** Every field of a batch is there and of its type. */
function checkBatch(batch: Batch, metadata: Batch["metadata"]): void {
  const isInt = (value: unknown) => Number.isInteger(value);
  const isString = (value: unknown) => typeof value === "string";
  for (const field of ["id", "completion_window", "endpoint", "input_file_id"] as const) {
    assert.ok(isString(batch[field]), field);
  }
  assert.equal(batch.object, "batch");
  const statuses = "validating failed in_progress finalizing completed expired cancelling cancelled";
  assert.ok(statuses.split(" ").includes(batch.status), batch.status);
  assert.deepEqual(batch.metadata, metadata);
  assert.ok(isInt(batch.created_at) && batch.created_at > 0);
  for (const time of [
    ...(["in_progress_at", "expires_at", "finalizing_at", "completed_at"] as const),
    ...(["failed_at", "expired_at", "cancelling_at", "cancelled_at"] as const),
  ]) {
    assert.ok(batch[time] === null || isInt(batch[time]), time);
  }
  for (const file of ["error_file_id", "output_file_id"] as const) {
    assert.ok(batch[file] === null || isString(batch[file]), file);
  }
  for (const count of ["total", "completed", "failed"] as const) {
    assert.ok(isInt(batch.request_counts[count]), count);
  }
  if (batch.errors === null) return;
  assert.equal(batch.errors.object, "list");
  for (const error of batch.errors.data) {
    assert.ok(isString(error.code) && isString(error.message));
    assert.ok(error.param === null || isString(error.param));
    assert.ok(error.line === null || isInt(error.line));
  }
}

type ErrorClass = typeof InvalidRequestError | typeof ResourceNotFoundError | typeof ConflictError;

async function assertRefused(call: Promise<unknown>, kind: ErrorClass, message: string): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof kind, `${error}`);
    assert.equal(error.type, "invalid_request_error");
    assert.ok(error.message.includes(message), error.message);
    return true;
  });
}

test("test_create_and_retrieve_batch_success", async () => {
  const { batches } = service();
  const created = await batches.create(sample);
  checkBatch(created, sample.metadata);
  assert.ok(created.id.startsWith("batch_"));
  assert.ok(created.id.length > 13);
  assert.equal(created.endpoint, sample.endpoint);
  assert.equal(created.input_file_id, sample.input_file_id);
  assert.equal(created.completion_window, sample.completion_window);
  assert.equal(created.status, "validating");

  assert.deepEqual(await batches.retrieve(created.id), created);
});

test("test_create_batch_without_metadata", async () => {
  const { metadata: _, ...params } = sample;
  checkBatch(await service().batches.create(params), null);
});

test("test_create_batch_invalid_metadata", async () => {
  const { batches } = service();
  // A plain object turns its keys into strings; a Map keeps the number.
  const wrong: unknown[] = [new Map([[123, "invalid_key"]]), { valid_key: 456 }];
  for (const metadata of wrong) {
    const params = { input_file_id: "file_123", endpoint: chat, completion_window: "24h", metadata };
    const call = batches.create(params as BatchCreateParams);
    await assertRefused(call, InvalidRequestError, "should be a valid string");
  }
});

test("test_retrieve_batch_not_found", async () => {
  const call = service().batches.retrieve("nonexistent_batch");
  await assertRefused(call, ResourceNotFoundError, "Batch 'nonexistent_batch' not found");
});

test("test_cancel_batch_success", async () => {
  const { batches } = service();
  const created = await batches.create(sample);
  assert.equal(created.status, "validating");

  const cancelled = await batches.cancel(created.id);
  checkBatch(cancelled, sample.metadata);
  assert.equal(cancelled.id, created.id);
  assert.ok(["cancelling", "cancelled"].includes(cancelled.status), cancelled.status);
  assert.ok(cancelled.cancelling_at !== null && cancelled.cancelling_at >= created.created_at);
});

test("test_cancel_batch_not_found", async () => {
  const call = service().batches.cancel("nonexistent_batch");
  await assertRefused(call, ResourceNotFoundError, "Batch 'nonexistent_batch' not found");
});

test("test_list_batches_empty", async () => {
  const empty = { object: "list", data: [], first_id: null, last_id: null, has_more: false };
  assert.deepEqual(await service().batches.list(), empty);
});

test("test_list_batches_single_batch", async () => {
  const { batches } = service();
  const created = await batches.create(sample);
  const list = await batches.list();
  assert.deepEqual(list.data, [created]);
  checkBatch(list.data[0] as Batch, sample.metadata);
  assert.equal(list.first_id, created.id);
  assert.equal(list.last_id, created.id);
  assert.equal(list.has_more, false);
});

test("test_list_batches_multiple_batches", async () => {
  const { batches } = service();
  const created = await createThree(batches);
  const list = await batches.list();
  // Those of the same millisecond come in any order.
  assert.deepEqual(ids(list.data).sort(), ids(created).sort());
  assert.equal(list.has_more, false);
  assert.equal(list.first_id, list.data[0]?.id);
  assert.equal(list.last_id, list.data[2]?.id);
});

test("test_list_batches_with_limit", async () => {
  const { batches } = service();
  const created = new Set(ids(await createThree(batches)));
  const list = await batches.list({ limit: 2 });
  assert.equal(list.data.length, 2);
  assert.equal(list.has_more, true);
  assert.equal(list.first_id, list.data[0]?.id);
  assert.equal(list.last_id, list.data[1]?.id);
  assert.equal(new Set(ids(list.data)).size, 2);
  assert.ok(ids(list.data).every((id) => created.has(id)));
});

test("test_list_batches_with_pagination", async () => {
  const { batches } = service();
  await createThree(batches);
  const first = await batches.list({ limit: 1 });
  assert.equal(first.data.length, 1);
  assert.equal(first.has_more, true);
  const second = await batches.list({ limit: 1, after: first.data[0]?.id as string });
  assert.equal(second.data.length, 1);
  assert.notEqual(second.data[0]?.id, first.data[0]?.id);
  const all = await batches.list();
  assert.deepEqual(second.data[0], all.data[1]);
});

test("test_list_batches_invalid_after", async () => {
  const { batches } = service();
  const created = await batches.create(sample);
  assert.deepEqual((await batches.list({ after: "nonexistent_batch" })).data, [created]);
});

test("test_kvstore_persistence", async () => {
  const { batches, kv, path } = service();
  const batch = await batches.create(sample);
  kv.close();
  const reopened = new SqliteKV(path);
  opened.push(reopened);
  const stored = await reopened.get(`batch:${batch.id}`);
  assert.ok(stored);
  assert.equal(batch.input_file_id, sample.input_file_id);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stored)), batch);
});

test("test_max_concurrent_batches", { timeout: 60_000 }, async () => {
  let inFlight = 0;
  let most = 0;
  const { promise: answering, resolve: answer } = Promise.withResolvers<void>();
  const inference = {
    infer: async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await answering;
      inFlight -= 1;
      return { status: 200, body: new TextEncoder().encode("{}") };
    },
  };
  const { batches, kv, files } = service({ inference, maxConcurrentBatches: 2 });
  const until = async (condition: () => boolean) => {
    while (!condition()) await turn();
  };
  await addFile(files, "file_id", cases.request);
  const created: Batch[] = [];
  for (let i = 0; i < 3; i++) {
    created.push(
      await batches.create({ input_file_id: "file_id", endpoint: chat, completion_window: "24h" }),
    );
  }
  batches.start();
  try {
    await until(() => inFlight >= 2);
    // Two more looks for unfinished batches, each a chance to start the third.
    const { looks } = kv;
    await until(() => kv.looks >= looks + 2);
    assert.equal(inFlight, 2);
    const { data } = await batches.list();
    const statuses = data.map((batch) => batch.status).sort();
    assert.deepEqual(statuses, ["in_progress", "in_progress", "validating"]);

    answer();
    for (const batch of created) assert.equal((await batches.wait(batch.id)).status, "completed");
    assert.equal(most, 2);
  } finally {
    answer();
    await batches.stop();
  }
});

function createIsRefused(name: keyof typeof cases.refused_creates): void {
  test(name, async () => {
    const { params, message } = cases.refused_creates[name];
    const { batches } = service();
    await assertRefused(batches.create(params), InvalidRequestError, message);
    assert.deepEqual((await batches.list()).data, []);
  });
}

createIsRefused("test_create_batch_completion_window");
createIsRefused("test_create_batch_invalid_endpoints__embeddings");
createIsRefused("test_create_batch_invalid_endpoints__completions");
createIsRefused("test_create_batch_invalid_endpoints__invalid_endpoint");
createIsRefused("test_create_batch_invalid_endpoints__empty");

function cancelIsRefused(name: keyof typeof cases.refused_cancels): void {
  test(name, async () => {
    const { status } = cases.refused_cancels[name];
    const { batches, kv } = service();
    const { id, ...rest } = await batches.create(sample);
    await kv.set(`batch:${id}`, new TextEncoder().encode(JSON.stringify({ id, ...rest, status })));

    const message = `Cannot cancel batch '${id}' with status '${status}'`;
    await assertRefused(batches.cancel(id), ConflictError, message);
    assert.equal((await batches.retrieve(id)).status, status);
  });
}

cancelIsRefused("test_cancel_batch_invalid_statuses__failed");
cancelIsRefused("test_cancel_batch_invalid_statuses__expired");
cancelIsRefused("test_cancel_batch_invalid_statuses__completed");

/** Adapters may say that something is missing by rejecting, too. */
class StrictFiles extends MemoryFiles {
  override async retrieve(id: string) {
    const file = await super.retrieve(id);
    if (file === null) throw new ResourceNotFoundError("File not found");
    return file;
  }
}

const strictModels: Models = {
  has: async (model) => {
    if (!cases.known_models.includes(model)) throw new ResourceNotFoundError("Model not found");
    return true;
  },
};

function inputIsJudged(name: keyof typeof cases.inputs): void {
  test(name, async () => {
    const { file_id, file, errors, requests } = cases.inputs[name];
    for (const options of [{}, { files: new StrictFiles(), models: strictModels }]) {
      const { batches, files } = service(options);
      if (file !== null) await addFile(options.files ?? files, file_id, file);
      const judged = await batches.validateInput({ input_file_id: file_id, endpoint: chat });
      // A report says more of a line that is not JSON than the wire does.
      const said = judged.errors.map(({ code, message, param, line }) => ({ code, message, param, line }));
      assert.deepEqual(said, errors);
      assert.equal(judged.errorCount, errors.length);
      const walked: BatchRequest[] = [];
      for await (const request of judged.requests) walked.push(request);
      assert.deepEqual(walked, requests);
    }
  });
}

inputIsJudged("test_validate_input_file_not_found");
inputIsJudged("test_validate_input_file_exists_empty_content");
inputIsJudged("test_validate_input_file_mixed_valid_invalid_json");
inputIsJudged("test_validate_input_invalid_model");
inputIsJudged("test_validate_input_url_mismatch");
inputIsJudged("test_validate_input_multiple_errors_per_request");
inputIsJudged("test_validate_input_invalid_request_format");
inputIsJudged("test_validate_input_missing_parameters__custom_id");
inputIsJudged("test_validate_input_missing_parameters__method");
inputIsJudged("test_validate_input_missing_parameters__url");
inputIsJudged("test_validate_input_missing_parameters__body");
inputIsJudged("test_validate_input_missing_parameters__model");
inputIsJudged("test_validate_input_missing_parameters__messages");
inputIsJudged("test_validate_input_invalid_parameter_types__custom_id");
inputIsJudged("test_validate_input_invalid_parameter_types__url");
inputIsJudged("test_validate_input_invalid_parameter_types__method");
inputIsJudged("test_validate_input_invalid_parameter_types__body");
inputIsJudged("test_validate_input_invalid_parameter_types__model");
inputIsJudged("test_validate_input_invalid_parameter_types__messages");
