import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CHAT, echo, encode, post, signal, user } from "./echo-client.ts";

describe("echo-1 refuses", () => {
  const m = { model: "echo-1" };
  const messages = [user("x")];
  const [E, C, R, M] = ["/v1/embeddings", "/v1/completions", "/v1/responses", "/v1/moderations"];
  // biome-ignore format: a table
  const cases: [what: string, url: string, body: unknown, param: string | null, code: string | null, status?: number][] = [
    ["what is not JSON", CHAT, "{", null, null],
    ["an empty body", CHAT, "", null, null],
    ["a byte order mark", CHAT, `\ufeff${JSON.stringify({ ...m, messages })}`, null, null],
    ["a body that is a list", CHAT, [], "body", "invalid_type"],
    ["a body that is null", CHAT, "null", "body", "invalid_type"],
    ["no model", CHAT, { messages }, "model", "missing_required_parameter"],
    ["a model that is no string", CHAT, { model: 1, messages }, "model", "invalid_type"],
    ["another model", CHAT, { model: "gpt-5", messages }, null, "model_not_found", 404],
    ["another model where none is needed", M, { model: "m", input: "x" }, null, "model_not_found", 404],
    ["a stream", CHAT, { ...m, messages, stream: true }, "stream", "unsupported_value"],
    ["a stream that is no boolean", CHAT, { ...m, messages, stream: "yes" }, "stream", "invalid_type"],
    ["an unknown url", "/v1/chat", { ...m, messages }, null, null, 404],
    ["a url that every object has", "constructor", { ...m, messages }, null, null, 404],
    ["no messages", CHAT, m, "messages", "missing_required_parameter"],
    ["messages that are no list", CHAT, { ...m, messages: "x" }, "messages", "invalid_type"],
    ["an empty list of messages", CHAT, { ...m, messages: [] }, "messages", "empty_array"],
    ["a message that is no object", CHAT, { ...m, messages: ["x"] }, "messages[0]", "invalid_type"],
    ["a message that is null", CHAT, { ...m, messages: [null] }, "messages[0]", "invalid_type"],
    ["a message without a role", CHAT, { ...m, messages: [{ content: "x" }] }, "messages[0].role", "missing_required_parameter"],
    ["a role that is no string", CHAT, { ...m, messages: [{ role: 1, content: "x" }] }, "messages[0].role", "invalid_type"],
    ["an unknown role", CHAT, { ...m, messages: [...messages, { role: "robot", content: "x" }] }, "messages[1].role", "invalid_value"],
    ["a message without content", CHAT, { ...m, messages: [{ role: "user" }] }, "messages[0].content", "missing_required_parameter"],
    ["content that is null", CHAT, { ...m, messages: [user(null)] }, "messages[0].content", "invalid_type"],
    ["content that is a number", CHAT, { ...m, messages: [user(5)] }, "messages[0].content", "invalid_type"],
    ["content of no parts", CHAT, { ...m, messages: [user([])] }, "messages[0].content", "empty_array"],
    ["a part that is no object", CHAT, { ...m, messages: [user(["x"])] }, "messages[0].content[0]", "invalid_type"],
    ["a part without a type", CHAT, { ...m, messages: [user([{}])] }, "messages[0].content[0].type", "missing_required_parameter"],
    ["a text part without text", CHAT, { ...m, messages: [user([{ type: "text" }])] }, "messages[0].content[0].text", "missing_required_parameter"],
    ["text that is no string", CHAT, { ...m, messages: [user([{ type: "text", text: {} }])] }, "messages[0].content[0].text", "invalid_type"],
    ["n of 0", CHAT, { ...m, messages, n: 0 }, "n", "integer_below_min_value"],
    ["n of 129", CHAT, { ...m, messages, n: 129 }, "n", "integer_above_max_value"],
    ["n of 1.5", CHAT, { ...m, messages, n: 1.5 }, "n", "invalid_type"],
    ["max_tokens of 0", CHAT, { ...m, messages, max_tokens: 0 }, "max_tokens", "integer_below_min_value"],
    ["max_completion_tokens of a string", CHAT, { ...m, messages, max_completion_tokens: "5" }, "max_completion_tokens", "invalid_type"],
    ["five stop texts", CHAT, { ...m, messages, stop: ["a", "b", "c", "d", "e"] }, "stop", "array_above_max_length"],
    ["a stop text that is a number", CHAT, { ...m, messages, stop: 1 }, "stop", "invalid_type"],
    ["no prompt", C, m, "prompt", "missing_required_parameter"],
    ["a prompt that is an object", C, { ...m, prompt: {} }, "prompt", "invalid_type"],
    ["an empty list of prompts", C, { ...m, prompt: [] }, "prompt", "empty_array"],
    ["prompts of mixed kinds", C, { ...m, prompt: ["a", 1] }, "prompt[1]", "invalid_type"],
    ["tokens that are no integers", C, { ...m, prompt: [1, "a"] }, "prompt[1]", "invalid_type"],
    ["no embedding input", E, m, "input", "missing_required_parameter"],
    ["an empty text", E, { ...m, input: "" }, "input", "invalid_value"],
    ["an empty text in a list", E, { ...m, input: ["a", ""] }, "input[1]", "invalid_value"],
    ["2,049 texts", E, { ...m, input: new Array(2049).fill("a") }, "input", "array_above_max_length"],
    ["an empty list of tokens", E, { ...m, input: [[1], []] }, "input[1]", "empty_array"],
    ["0 dimensions", E, { ...m, input: "a", dimensions: 0 }, "dimensions", "integer_below_min_value"],
    ["an unknown format", E, { ...m, input: "a", encoding_format: "hex" }, "encoding_format", "invalid_value"],
    ["a format that is no string", E, { ...m, input: "a", encoding_format: 1 }, "encoding_format", "invalid_type"],
    ["no response input", R, m, "input", "missing_required_parameter"],
    ["a response input that is an object", R, { ...m, input: {} }, "input", "invalid_type"],
    ["an empty response input", R, { ...m, input: [] }, "input", "empty_array"],
    ["an item of neither role nor type", R, { ...m, input: [{}] }, "input[0].role", "missing_required_parameter"],
    ["a role that responses do not know", R, { ...m, input: [{ role: "tool", content: "x" }] }, "input[0].role", "invalid_value"],
    ["instructions that are no string", R, { ...m, input: "x", instructions: 1 }, "instructions", "invalid_type"],
    ["max_output_tokens of 15", R, { ...m, input: "x", max_output_tokens: 15 }, "max_output_tokens", "integer_below_min_value"],
    ["nothing to moderate", M, m, "input", "missing_required_parameter"],
    ["an empty list to moderate", M, { ...m, input: [] }, "input", "empty_array"],
    ["a number to moderate", M, { ...m, input: 5 }, "input", "invalid_type"],
    ["a list of mixed kinds to moderate", M, { ...m, input: ["a", {}] }, "input[1]", "invalid_type"],
    ["a list of numbers to moderate", M, { ...m, input: [1] }, "input[0]", "invalid_type"],
    ["an unknown part to moderate", M, { ...m, input: [{ type: "audio" }] }, "input[0].type", "invalid_value"],
  ];
  for (const [what, url, body, param, code, status = 400] of cases) {
    test(what, async () => {
      const answer = await post(url, body);
      assert.deepEqual(Object.keys(answer.json), ["error"]);
      const { message, ...error } = answer.json.error;
      assert.deepEqual([answer.status, error], [status, { type: "invalid_request_error", param, code }]);
      assert.ok(message.length > 10 && !/undefined|\[object/.test(message), message);
    });
  }

  test("bytes that are no UTF-8", async () => {
    const body = new Uint8Array([...encode('{"model":"'), 0xff, ...encode('"}')]);
    const answer = await echo.infer({ url: CHAT, body, idempotencyKey: "k" }, signal);
    assert.equal(answer.status, 400);
  });

  test("anything at all without failing itself", async () => {
    const url = fc.constantFrom(CHAT, C as string, E as string, R as string, M as string, "/v1/none");
    const some = {
      messages: fc.jsonValue(),
      input: fc.jsonValue(),
      prompt: fc.jsonValue(),
      stop: fc.jsonValue(),
    };
    const body = fc.record({ model: fc.constant("echo-1"), ...some }, { requiredKeys: ["model"] });
    await fc.assert(
      fc.asyncProperty(url, body, async (where, what) => {
        const { status, json } = await post(where, what);
        assert.ok(status === 200 || typeof json.error.message === "string");
      }),
      { numRuns: 2000 },
    );
  });
});
