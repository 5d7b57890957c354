/** The library as its users meet it: whole batches over hosts in memory. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  anyModel,
  type Batch,
  Batches,
  type BatchesOptions,
  type BatchWait,
  ConflictError,
  type InferenceResponse,
  MemoryFiles,
  MemoryKV,
} from "../../js/entry/node.ts";

const endpoint = "/v1/chat/completions";

/** A good line of an input file. */
function line(id: string, content = "hello"): string {
  const body = { model: "m", messages: [{ role: "user", content }] };
  return `${JSON.stringify({ custom_id: id, method: "POST", url: endpoint, body })}\n`;
}

function answer(status: number, body: unknown, rest: Partial<InferenceResponse> = {}): InferenceResponse {
  return { status, body: new TextEncoder().encode(JSON.stringify(body)), ...rest };
}

/** Runs a file to its end and gives the batch with the lines of both files. */
async function runToEnd(
  input: string,
  infer: (content: string) => InferenceResponse,
  options: Partial<BatchesOptions> = {},
) {
  const files = new MemoryFiles();
  const inference = {
    async infer({ body }: { body: Uint8Array }) {
      return infer(JSON.parse(new TextDecoder().decode(body)).messages[0].content);
    },
  };
  const batches = new Batches({ kv: new MemoryKV(), files, inference, models: anyModel, ...options });
  const { id: input_file_id } = await files.add("in.jsonl", input);
  const created = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
  const batch = await batches.wait(created.id, { pollMs: 5 });
  await batches.stop();
  const read = async (id: string | null) => {
    if (id === null) return [];
    const file = await files.retrieve(id);
    const text = new TextDecoder().decode(await files.read(id, 0, file?.bytes ?? 0));
    assert.ok(text.endsWith("\n"));
    return text
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text));
  };
  return { batch, output: await read(batch.output_file_id), errors: await read(batch.error_file_id) };
}

const refusal = {
  error: { message: "No such thing.", type: "invalid_request_error", param: "n", code: "no_such" },
};

suite("A batch", () => {
  test("over an empty file completes without files", async () => {
    const { batch } = await runToEnd("", () => assert.fail("nothing is called"));
    assert.equal(batch.status, "completed");
    assert.deepEqual(batch.request_counts, { total: 0, completed: 0, failed: 0 });
    assert.deepEqual([batch.output_file_id, batch.error_file_id, batch.errors], [null, null, null]);
  });

  test("whose lines all fail completes with an error file alone", async () => {
    const { batch, errors } = await runToEnd(line("a") + line("b"), () => answer(400, refusal));
    assert.deepEqual([batch.status, batch.output_file_id], ["completed", null]);
    assert.deepEqual(batch.request_counts, { total: 2, completed: 0, failed: 2 });
    assert.equal(errors.length, 2);
  });

  test("whose answers are there at once lets timers run meanwhile: it is seen in progress", async () => {
    const files = new MemoryFiles();
    const inference = { infer: async () => answer(200, {}) };
    const batches = new Batches({ kv: new MemoryKV(), files, inference, models: anyModel });
    const lines = Array.from({ length: 40_000 }, (_, i) => line(`r${i}`));
    const { id: input_file_id } = await files.add("in.jsonl", lines.join(""));
    const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
    const seen: string[] = [];
    await batches.wait(id, { pollMs: 1, onProgress: ({ status }) => seen.push(status) });
    await batches.stop();
    assert.ok(seen.includes("in_progress"), seen.join());
  });

  test("that is stopped while its file is being written leaves that write", async () => {
    const files = new MemoryFiles();
    let write: (() => void) | undefined;
    const writing = new Promise<void>((resolve) => {
      write = resolve;
    });
    let aborted = 0;
    const create = files.create.bind(files);
    files.create = async (options) => {
      if (options.purpose === "batch") return create(options);
      const abort = async () => {
        aborted += 1;
      };
      const hang = () => {
        write?.();
        return new Promise<void>(() => {});
      };
      return { ...(await create(options)), write: hang, abort };
    };
    const inference = { infer: async () => answer(200, {}) };
    const batches = new Batches({ kv: new MemoryKV(), files, inference, models: anyModel });
    const { id: input_file_id } = await files.add("in.jsonl", line("a"));
    const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
    await writing;
    await batches.stop();
    assert.equal((await batches.retrieve(id)).status, "finalizing");
    assert.equal(aborted, 1);
  });

  test("writes an answer as an object, with the server's request id", async () => {
    const { batch, output } = await runToEnd(line('ä"b'), () =>
      answer(200, { id: "x" }, { requestId: "req-7" }),
    );
    assert.equal(batch.error_file_id, null);
    const [only] = output;
    assert.match(only.id, /^batch_req_[0-9a-f]{32}$/);
    delete only.id;
    const response = { status_code: 200, request_id: "req-7", body: { id: "x" } };
    assert.deepEqual(only, { custom_id: 'ä"b', response, error: null });
    assert.deepEqual(Object.keys(only), ["custom_id", "response", "error"]);
  });

  test("tells a failed line by its error in one dialect and by its body alone in the other", async () => {
    for (const dialect of ["reference", "openai"] as const) {
      const { errors } = await runToEnd(line("a"), () => answer(422, refusal), { dialect });
      assert.deepEqual(errors[0].response.body, refusal);
      assert.equal(errors[0].response.status_code, 422);
      const error = dialect === "openai" ? null : { code: "no_such", message: "No such thing." };
      assert.deepEqual(errors[0].error, error);
    }
  });

  test("makes an error of an answer that is no JSON, and a single line of one that has many", async () => {
    const { output, errors } = await runToEnd(line("a", "page") + line("b", "lines"), (content) =>
      content === "page"
        ? { status: 422, body: new TextEncoder().encode("<h1>\nno</h1>") }
        : { status: 200, body: new TextEncoder().encode('{\r\n  "a": "b\\n"\n}\n') },
    );
    const error = { message: "<h1>\nno</h1>", type: "server_error", param: null, code: null };
    assert.deepEqual(errors[0].response.body, { error });
    assert.deepEqual(output[0].response.body, { a: "b\n" });
  });

  test("says of a request that never got an answer why", async () => {
    const { errors } = await runToEnd(
      line("a", "late") + line("b", "large"),
      (content) => {
        throw Object.assign(new Error(content), {
          name: content === "late" ? "TimeoutError" : "ResponseTooLargeError",
        });
      },
      { maxAttempts: 1 },
    );
    assert.deepEqual(
      errors.map(({ response, error }) => [response, error.code]),
      [
        [null, "request_timeout"],
        [null, "response_too_large"],
      ],
    );
  });

  test("says what it waits for while nobody is answered, and goes on when the server is back", async () => {
    const files = new MemoryFiles();
    const { id: input_file_id } = await files.add("in.jsonl", line("a") + line("b") + line("c"));
    let refused = 0;
    const infer = async () => {
      // Long enough that a pause of two seconds comes, which is the shortest that is told.
      if (waits.length > 0) return answer(200, {});
      refused += 1;
      return answer(401, { error: { message: "no such key" } });
    };
    const batches = new Batches({ kv: new MemoryKV(), files, inference: { infer }, models: anyModel });
    const waits: BatchWait[] = [];
    const { id } = await batches.create({ input_file_id, endpoint, completion_window: "24h" });
    const onProgress = ({ edgebatch }: Batch) => {
      if (edgebatch?.waiting) waits.push(edgebatch.waiting);
    };
    const batch = await batches.wait(id, { pollMs: 5, onProgress });
    await batches.stop();
    assert.deepEqual(batch.request_counts, { total: 3, completed: 3, failed: 0 });
    assert.equal("edgebatch" in batch, false);
    assert.ok(refused > 3);
    const [{ reason, status, message, since, until } = {} as BatchWait] = waits;
    assert.deepEqual([reason, status, message], ["refused", 401, "no such key"]);
    assert.ok(until > since && until > Date.now() / 1000 - 120);
  });

  test("sums the tokens of its answers, in the words of either API", async () => {
    const usages: Record<string, unknown> = {
      chat: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
      responses: {
        input_tokens: 1,
        output_tokens: 2,
        total_tokens: 3,
        input_tokens_details: { cached_tokens: 1 },
        output_tokens_details: { reasoning_tokens: 2 },
      },
      embeddings: { prompt_tokens: 100, total_tokens: 100 },
      odd: { prompt_tokens: "many", total_tokens: -1 },
    };
    const names = Object.keys(usages);
    const { batch } = await runToEnd(
      names.map((name) => line(name, name)).join("") + line("failed", "failed"),
      (name) =>
        name === "failed" ? answer(400, { usage: usages.chat }) : answer(200, { usage: usages[name] }),
    );
    assert.deepEqual(batch.usage, {
      input_tokens: 111,
      output_tokens: 7,
      total_tokens: 118,
      input_tokens_details: { cached_tokens: 5 },
      output_tokens_details: { reasoning_tokens: 5 },
    });
  });

  test("that is cancelled keeps what ran, and cannot be cancelled once it has completed", async () => {
    const files = new MemoryFiles();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let calls = 0;
    const infer = async (_: unknown, signal: AbortSignal) => {
      calls += 1;
      if (calls > 3) {
        await Promise.race([held, new Promise((_, reject) => signal.addEventListener("abort", reject))]);
      }
      return answer(200, {});
    };
    const options = { kv: new MemoryKV(), files, inference: { infer }, models: anyModel };
    const batches = new Batches({ ...options, maxConcurrentRequestsPerBatch: 2 });
    const { id: input_file_id } = await files.add(
      "in.jsonl",
      ["a", "b", "c", "d", "e", "f"].map((id) => line(id)).join(""),
    );
    const params = { input_file_id, endpoint, completion_window: "24h" };
    const { id } = await batches.create(params);
    const ran = (batch: Batch) => batch.request_counts.completed === 3;
    while (!ran(await batches.retrieve(id))) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await batches.cancel(id)).status, "cancelling");
    const cancelled = await batches.wait(id, { pollMs: 5 });
    assert.deepEqual([cancelled.status, cancelled.request_counts.completed], ["cancelled", 3]);
    assert.equal((await batches.cancel(id)).status, "cancelled");
    release();
    const { id: other } = await batches.create(params);
    await batches.wait(other, { pollMs: 5 });
    await assert.rejects(batches.cancel(other), (error: unknown) => {
      assert.ok(error instanceof ConflictError);
      assert.equal(error.message, `Cannot cancel batch '${other}' with status 'completed'`);
      return true;
    });
    await batches.stop();
  });
});

suite("The service", () => {
  test("gives metadata back whatever its keys are called", async () => {
    const stores = { kv: new MemoryKV(), files: new MemoryFiles(), models: anyModel };
    const inference = { infer: async () => answer(200, {}) };
    const batches = new Batches({ ...stores, inference, autostart: false });
    const metadata = JSON.parse('{"__proto__":"a","constructor":"b","":"c"}');
    const params = { input_file_id: "file-1", endpoint, completion_window: "24h" } as const;
    const { id } = await batches.create({ ...params, metadata });
    const found = (await batches.retrieve(id)).metadata;
    assert.deepEqual(Object.entries(found ?? {}).sort(), Object.entries(metadata).sort());
  });

  test("refuses a store with values too small for a run", () => {
    const kv = new MemoryKV();
    const rest = {
      files: new MemoryFiles(),
      inference: { infer: async () => answer(200, {}) },
      models: anyModel,
    };
    const small = Object.create(kv, { caps: { value: { ...kv.caps, maxValue: 131_072 } } });
    assert.throws(() => new Batches({ kv: small, ...rest, autostart: false }), /2,000,000 bytes/);
  });

  test("reads its good requests lazily, with what was wrong beside them", async () => {
    const files = new MemoryFiles();
    const inference = { infer: async () => answer(200, {}) };
    const batches = new Batches({ kv: new MemoryKV(), files, inference, models: anyModel, autostart: false });
    const many = Array.from({ length: 3_000 }, (_, i) => line(`r${i}`)).join("");
    const { id: input_file_id } = await files.add("in.jsonl", `${many}broken\n${line("r1")}`);
    const { errors, errorCount, requestCount, requests } = await batches.validateInput({
      input_file_id,
      endpoint,
    });
    assert.deepEqual([errorCount, requestCount], [2, 3_002]);
    assert.deepEqual(
      errors.map(({ code, line }) => [code, line]),
      [
        ["invalid_json_line", 3_001],
        ["duplicate_custom_id", 3_002],
      ],
    );
    let count = 0;
    for await (const { line, custom_id } of requests) {
      assert.equal(custom_id, `r${line - 1}`);
      count += 1;
    }
    assert.equal(count, 3_000);
    for await (const { body } of requests) {
      assert.deepEqual(body, { model: "m", messages: [{ role: "user", content: "hello" }] });
      break; // and nothing else is read
    }
  });
});
