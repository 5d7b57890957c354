/** Options and parameters as they come in from JavaScript: any value at all, and a clear answer to each. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Batches, echoInference, echoModels, MemoryFiles, MemoryKV, Validator } from "../../js/entry/node.ts";
import { InvalidRequestError } from "../../js/errors.ts";
import type { BatchCreateParams } from "../../js/types.ts";

const endpoint = "/v1/chat/completions";

function service(): Batches {
  return new Batches({
    kv: new MemoryKV(),
    files: new MemoryFiles(),
    inference: echoInference(),
    models: echoModels,
    autostart: false,
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
    "limits.maxRequests: expected u64",
    "limits.maxRequests",
  ],
  [
    "less than nothing",
    { limits: { maxErrors: -1 } },
    "limits.maxErrors: expected usize",
    "limits.maxErrors",
  ],
  [
    "half a request",
    { limits: { maxRequests: 0.5 } },
    "limits.maxRequests: expected u64",
    "limits.maxRequests",
  ],
  [
    "a word for a number",
    { limits: { maxLineBytes: "8" } },
    "limits.maxLineBytes: expected usize",
    "limits.maxLineBytes",
  ],
  ["a list for an object", { limits: [1, 2, 3, 4] }, "limits: expected struct Limits", "limits"],
  ["a language nobody speaks", { dialect: "french" }, "unknown variant `french`", "dialect"],
  ["a function", { singleModel: () => true }, "expected plain values", null],
  ["an object that holds itself", { limits: itself }, "expected plain values", null],
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

test("an integer of 64 bits may be a bigint, and options that are not known are passed over", () => {
  const options = {
    endpoint,
    limits: { maxRequests: 2n ** 63n, more: { and: [new Date(0)] } },
    colour: null,
  };
  assert.equal(new Validator(options as never).finish().requestCount, 0);
});

test("a member that is not known may be as deep as a line of a file", () => {
  let deep: unknown = null;
  for (let level = 0; level < 127; level++) deep = [deep];
  assert.equal(new Validator({ endpoint, deep } as never).finish().requestCount, 0);
  assert.throws(() => new Validator({ endpoint, deep: [deep] } as never), { message: /not nested too deep/ });
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
    [7, "Invalid options: expected struct CreateParams"],
  ] as const) {
    await assert.rejects(batches.create(params as unknown as BatchCreateParams), { message });
  }
  await assert.rejects(batches.list({ limit: Number.NaN }), {
    message: "Invalid options: limit: expected i64",
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
