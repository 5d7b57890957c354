/** Options and parameters as they come in from JavaScript: any value at all, and a clear answer to each. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { InvalidRequestError } from "../../js/core/errors.ts";
import type { BatchCreateParams } from "../../js/core/types.ts";
import {
  Batches,
  type BatchesOptions,
  DiskFiles,
  echoInference,
  echoModels,
  MemoryFiles,
  MemoryKV,
  SqliteKV,
  Validator,
} from "../../js/entry/node.ts";

const endpoint = "/v1/chat/completions";

function service(options: Partial<BatchesOptions> = {}): Batches {
  return new Batches({
    kv: new MemoryKV(),
    files: new MemoryFiles(),
    inference: echoInference(),
    models: echoModels,
    autostart: false,
    ...options,
  });
}

/** One more `limits.maxRequests` than a number of JavaScript can hold. */
const beyond = 2n ** 64n;
const itself: Record<string, unknown> = {};
itself.itself = itself;

for (const [what, options, message, param] of [
  [
    "infinity",
    { limits: { maxRequests: Infinity } },
    "limits.maxRequests: expected a whole number, 0 or more",
    "limits.maxRequests",
  ],
  [
    "less than nothing",
    { limits: { maxErrors: -1 } },
    "limits.maxErrors: expected a whole number, 0 or more",
    "limits.maxErrors",
  ],
  [
    "half a request",
    { limits: { maxRequests: 0.5 } },
    "limits.maxRequests: expected a whole number, 0 or more",
    "limits.maxRequests",
  ],
  [
    "a word for a number",
    { limits: { maxLineBytes: "8" } },
    "limits.maxLineBytes: expected a whole number, 0 or more",
    "limits.maxLineBytes",
  ],
  ["a list for an object", { limits: [1, 2, 3, 4] }, "limits: expected an object", "limits"],
  ["a language nobody speaks", { dialect: "french" }, "unknown variant `french`", "dialect"],
  ["a function", { singleModel: () => true }, "expected plain values", null],
  ["an object that holds itself", { limits: { maxErrors: itself } }, "expected plain values", null],
  ["an integer beyond 64 bits", { limits: { maxRequests: beyond } }, "expected plain values", null],
] as const) {
  test(`${what} as an option is refused with its name`, () => {
    assert.throws(
      () => new Validator({ endpoint, ...options } as never),
      (error) => {
        assert.ok(error instanceof InvalidRequestError, `${error}`);
        assert.ok(
          error.message.startsWith("Invalid options: ") && error.message.includes(message),
          error.message,
        );
        assert.equal(error.param, param);
        return true;
      },
    );
  });
}

test("an integer of 64 bits may be a bigint", () => {
  const options = { endpoint, limits: { maxRequests: 2n ** 63n } };
  assert.equal(new Validator(options as never).finish().requestCount, 0);
});

/** What a constructor or a call is refused with. */
function refusal(call: () => unknown): { message: string; param: string | null; code: string | null } {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof InvalidRequestError, `${error}`);
    return { message: error.message, param: error.param, code: error.code };
  }
  return assert.fail("nothing was refused");
}

for (const [options, message, param] of [
  [
    { maxConcurrentBatchs: 4 },
    "Batches has no option 'maxConcurrentBatchs'. Did you mean 'maxConcurrentBatches'?",
    "maxConcurrentBatchs",
  ],
  [
    { maxConcurrentRequests: 4 },
    "Batches has no option 'maxConcurrentRequests'. Did you mean 'maxConcurrentRequestsPerBatch'?",
    "maxConcurrentRequests",
  ],
  [{ autoStart: false }, "Batches has no option 'autoStart'. Did you mean 'autostart'?", "autoStart"],
  [{ colour: undefined }, "Batches has no option 'colour'.", "colour"],
  [
    { limits: { maxRequest: 4 } },
    "Batches has no option 'limits.maxRequest'. Did you mean 'limits.maxRequests'?",
    "limits.maxRequest",
  ],
] as const) {
  test(`an option that nobody knows is refused by name: ${param}`, () => {
    const found = refusal(() => service(options as never));
    assert.deepEqual(found, { message, param, code: "unknown_option" });
  });
}

test("a validator refuses options that it does not know", () => {
  const { message } = refusal(() => new Validator({ endpoint, statistic: true } as never));
  assert.equal(message, "Validator has no option 'statistic'. Did you mean 'statistics'?");
  assert.match(refusal(() => new Validator(undefined as never)).message, /needs an object of options/);
});

for (const [options, message, param] of [
  [{}, "Missing required parameter: 'endpoint'.", "endpoint"],
  [
    { endpoint: 7 },
    "Invalid type for 'endpoint': expected a string, but got an integer instead.",
    "endpoint",
  ],
  [
    { endpoint, statistics: "yes" },
    "Invalid type for 'statistics': expected a boolean, but got a string instead.",
    "statistics",
  ],
  [
    { endpoint, goodLines: 1.5 },
    "Invalid type for 'goodLines': expected a boolean, but got a decimal number instead.",
    "goodLines",
  ],
] as const) {
  test(`a validator refuses ${JSON.stringify(options)}`, () => {
    const found = refusal(() => new Validator(options as never));
    assert.deepEqual([found.message, found.param], [message, param]);
  });
}

test("an option that is undefined has its default, within others too", async () => {
  const limits = { maxErrors: undefined, maxRequests: 1 };
  const validator = new Validator({ endpoint, dialect: undefined, limits, statistics: undefined } as never);
  validator.push(new TextEncoder().encode("x\nx\n"));
  assert.equal(validator.finish().errors.length, 3);
  const batches = service({ completionWindowSeconds: undefined, maxAttempts: undefined } as never);
  const { id } = await batches.create({ input_file_id: "f", endpoint, completion_window: "24h" });
  const { created_at, expires_at } = await batches.retrieve(id);
  assert.equal(Number(expires_at) - created_at, 86_400);
  assert.equal((await batches.list({ limit: undefined } as never)).data.length, 1);
});

test("the stores refuse options that they do not know, or that would mean less than was asked for", async () => {
  const store = (options: object) => refusal(() => new SqliteKV(":memory:", options as never)).message;
  assert.equal(
    store({ durabilty: "power" }),
    "SqliteKV has no option 'durabilty'. Did you mean 'durability'?",
  );
  assert.equal(
    store({ durability: "Power" }),
    'Invalid value for \'durability\': expected "power" or "process".',
  );
  for (const busyTimeoutMs of ["10", -1, 0.5, Infinity, "1; DROP TABLE kv"]) {
    assert.match(store({ busyTimeoutMs }), /^Invalid value for 'busyTimeoutMs'/);
  }
  assert.equal(
    refusal(() => new SqliteKV(undefined as never)).message,
    "Missing required parameter: 'path'.",
  );
  const files = new DiskFiles("never-made");
  for (const call of [files.add("a", { name: "b" } as never), files.link("a", { name: "b" } as never)]) {
    await assert.rejects(call, { message: /has no option 'name'. Did you mean 'filename'\?/ });
  }
  assert.match(refusal(() => echoInference({ latency: 7 } as never)).message, /Did you mean 'latencyMs'/);
});

for (const [options, message] of [
  [{ maxAttempts: "x" }, "Invalid options: maxAttempts: expected a whole number from 0 to 4294967295"],
  [{ maxAttempts: 0 }, "Invalid options: maxAttempts: expected at least 1"],
  [{ maxConcurrentBatches: 0 }, "Invalid options: maxConcurrentBatches: expected at least 1"],
  [{ leaseMs: 999 }, "Invalid options: leaseMs: expected at least 1000"],
  [
    { prices: { m: { input: 1 } } },
    'Invalid options: prices: expected {"model": {"input": price, "output": price}}, prices of a million tokens from 0 to 1e9',
  ],
  [{ endpoints: endpoint }, "Invalid options: endpoints: expected an array"],
  [{ autostart: "no" }, "Invalid type for 'autostart': expected a boolean, but got a string instead."],
  [{ onError: 7 }, "Invalid type for 'onError': expected a function, but got an integer instead."],
  [{ kv: null, models: undefined }, "Batches needs kv, files, inference, models: missing kv, models."],
  [{ inference: {} }, "The adapter 'inference' of Batches has no infer."],
  [{ kv: { get() {}, set() {} } }, "The adapter 'kv' of Batches has no delete, list."],
] as const) {
  test(`the constructor refuses ${JSON.stringify(options)}`, () => {
    assert.equal(refusal(() => service(options as never)).message, message);
  });
}

test("what is called without its parameters says which one is missing", async () => {
  const batches = service();
  const nothing = undefined as never;
  for (const [call, message] of [
    [() => batches.create(nothing), "Missing required parameter: 'endpoint'."],
    [() => batches.retrieve(nothing), "Missing required parameter: 'id'."],
    [() => batches.cancel(nothing), "Missing required parameter: 'id'."],
    [() => batches.wait(7 as never), "Invalid type for 'id': expected a string, but got an integer instead."],
    [() => batches.runTurn(nothing), "Missing required parameter: 'id'."],
    [() => batches.validateInput(nothing), "Missing required parameter: 'input_file_id'."],
    [
      () => batches.list(7 as never),
      "Invalid type for 'params': expected an object, but got an integer instead.",
    ],
  ] as const) {
    await assert.rejects(call, { name: "InvalidRequestError", message });
  }
});

test("parameters of create and list are refused by name whatever they are", async () => {
  const batches = service();
  const good = { input_file_id: "file-1", endpoint, completion_window: "24h" };
  for (const [params, message] of [
    [
      { ...good, input_file_id: 7 },
      "Invalid type for 'input_file_id': expected a string, but got an integer instead.",
    ],
    [
      { ...good, metadata: new Map([[{}, "a"]]) },
      "Invalid metadata: metadata.[key] should be a valid string",
    ],
    [{ ...good, metadata: { big: 7n } }, "Invalid metadata: metadata.big should be a valid string"],
    [7, "Invalid options: expected an object"],
  ] as const) {
    await assert.rejects(batches.create(params as unknown as BatchCreateParams), { message });
  }
  await assert.rejects(batches.list({ limit: Number.NaN }), {
    message: "Invalid options: limit: expected a whole number",
  });
});

test("metadata comes back in the order given, __proto__ and all", async () => {
  const batches = service();
  const metadata = JSON.parse('{"b": "1", "__proto__": "2", "a": "3"}');
  const { id } = await batches.create({
    input_file_id: "file-1",
    endpoint,
    completion_window: "24h",
    metadata,
  });
  assert.equal(JSON.stringify((await batches.retrieve(id)).metadata), '{"b":"1","__proto__":"2","a":"3"}');
});
