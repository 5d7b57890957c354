import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { anyModel, echoInference, echoModels } from "../../../js/hosts/inference/echo.ts";
import { CHAT, echo, encode, type Json, ok, post, said, signal, user } from "./echo-client.ts";

/** Fails unless every property of the shape is there with the type of its example, and no other is. */
function assertShape(found: Json, example: Json, path = ""): void {
  if (example === null || found === null) {
    assert.equal(found, example, path);
  } else if (Array.isArray(example)) {
    assert.ok(Array.isArray(found), path);
    if (example.length === 0) assert.deepEqual(found, [], path);
    for (const [i, item] of found.entries()) assertShape(item, example[0], `${path}[${i}]`);
  } else if (typeof example === "object") {
    assert.deepEqual(Object.keys(found).sort(), Object.keys(example).sort(), path);
    for (const key of Object.keys(example)) assertShape(found[key], example[key], `${path}.${key}`);
  } else {
    assert.equal(typeof found, typeof example, path);
  }
}

describe("echo-1 at chat completions", () => {
  test("answers in OpenAI's shape", async () => {
    const json = await ok(CHAT, { messages: [user("hello there")] });
    // biome-ignore format: a shape
    assertShape(json, {
      id: "", object: "", created: 0, model: "",
      choices: [{
        index: 0, message: { role: "", content: "", refusal: null, annotations: [] }, logprobs: null,
        finish_reason: "",
      }],
      usage: {
        prompt_tokens: 0, completion_tokens: 0, total_tokens: 0,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0,
        },
      },
      service_tier: "", system_fingerprint: "",
    });
    assert.match(json.id, /^chatcmpl-[0-9a-f]{32}$/);
    assert.deepEqual([json.object, json.created, json.model], ["chat.completion", 1_700_000_000, "echo-1"]);
    assert.deepEqual([said(json), json.choices[0].finish_reason], ["hello there", "stop"]);
    assert.deepEqual(
      [json.usage.prompt_tokens, json.usage.completion_tokens, json.usage.total_tokens],
      [3, 3, 6],
    );
  });

  test("says back the last user message, or the last one where no user speaks", async () => {
    const messages = [
      { role: "system", content: "be short" },
      user("first"),
      { role: "assistant", content: "first!" },
      user("second"),
      { role: "assistant", tool_calls: [] },
      { role: "tool", content: "42", tool_call_id: "c" },
      { role: "assistant", content: null },
    ];
    assert.equal(said(await ok(CHAT, { messages })), "second");
    assert.equal(said(await ok(CHAT, { messages: [{ role: "developer", content: "rules" }] })), "rules");
  });

  test("joins the text parts of a message", async () => {
    const parts = [
      { type: "text", text: "what is " },
      { type: "image_url", image_url: { url: "data:," } },
      { type: "text", text: "this?" },
    ];
    assert.equal(said(await ok(CHAT, { messages: [user(parts)] })), "what is this?");
  });

  test("says any text back as it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        assert.equal(said(await ok(CHAT, { messages: [user(text)] })), text);
      }),
    );
  });

  test("gives as many choices as asked for, and counts them all", async () => {
    const json = await ok(CHAT, { messages: [user("12345678")], n: 3 });
    assert.deepEqual(
      json.choices.map((choice: Json) => choice.index),
      [0, 1, 2],
    );
    assert.deepEqual([json.usage.prompt_tokens, json.usage.completion_tokens], [2, 6]);
  });

  test("ends at a stop text, or when its tokens are used up", async () => {
    const cases: [more: object, text: string, reason: string][] = [
      [{ stop: "e" }, "abcd", "stop"],
      [{ stop: ["x", "fg", "cd"] }, "ab", "stop"],
      [{ stop: "none" }, "abcdefghij", "stop"],
      [{ stop: null, max_tokens: null }, "abcdefghij", "stop"],
      [{ max_tokens: 2 }, "abcdefgh", "length"],
      [{ max_completion_tokens: 1, max_tokens: 2 }, "abcd", "length"],
      [{ max_tokens: 3 }, "abcdefghij", "stop"],
      [{ max_tokens: 2, stop: "g" }, "abcdef", "stop"],
    ];
    for (const [more, text, reason] of cases) {
      const json = await ok(CHAT, { messages: [user("abcdefghij")], ...more });
      assert.deepEqual([said(json), json.choices[0].finish_reason], [text, reason], JSON.stringify(more));
    }
    const cut = await ok(CHAT, { messages: [user("abc😀")], max_tokens: 1 });
    assert.equal(said(cut), "abc", "no half characters");
  });
});

describe("echo-1 elsewhere", () => {
  test("completes a prompt, or several, of text or of tokens", async () => {
    const one = await ok("/v1/completions", { prompt: "abcdefghij", max_tokens: 2 });
    // biome-ignore format: a shape
    assertShape(one, {
      id: "", object: "", created: 0, model: "",
      choices: [{ text: "", index: 0, logprobs: null, finish_reason: "" }],
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    });
    assert.deepEqual(
      [one.object, one.choices[0].text, one.choices[0].finish_reason],
      ["text_completion", "abcdefgh", "length"],
    );
    const texts = async (body: object): Promise<string[]> =>
      (await ok("/v1/completions", body)).choices.map((choice: Json) => choice.text);
    assert.deepEqual(await texts({ prompt: ["a", "b"], n: 2 }), ["a", "a", "b", "b"]);
    assert.deepEqual(await texts({ prompt: [1, 2, 3] }), ["1 2 3"]);
    assert.deepEqual(await texts({ prompt: [[1, 2], [3]] }), ["1 2", "3"]);
    assert.deepEqual(await texts({ prompt: "abc", max_tokens: 0 }), [""]);
    const several = await ok("/v1/completions", { prompt: [[1, 2, 3], [4]] });
    assert.deepEqual(
      several.choices.map((choice: Json) => choice.index),
      [0, 1],
    );
    assert.equal(several.usage.prompt_tokens, 4);
  });

  test("embeds texts as unit vectors, the same for the same text", async () => {
    const json = await ok("/v1/embeddings", { input: ["one", "two", "one"] });
    // biome-ignore format: a shape
    assertShape(json, {
      object: "", data: [{ object: "", index: 0, embedding: [0] }], model: "",
      usage: { prompt_tokens: 0, total_tokens: 0 },
    });
    const [one, two, again] = json.data.map((item: Json) => item.embedding);
    for (const vector of [one, two]) {
      assert.equal(vector.length, 256);
      assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
    }
    assert.deepEqual(one, again);
    assert.notDeepEqual(one, two);
    assert.deepEqual(
      json.data.map((item: Json) => [item.object, item.index]),
      [0, 1, 2].map((i) => ["embedding", i]),
    );
    assert.deepEqual(json.usage, { prompt_tokens: 3, total_tokens: 3 });
    assert.equal((await ok("/v1/embeddings", { input: [[1, 2], [3]] })).usage.prompt_tokens, 3);
  });

  test("embeds in as many dimensions as asked for, as floats or as base64", async () => {
    for (const dimensions of [1, 2, 1536, 4096]) {
      const body = { input: "some text", dimensions };
      const floats = (await ok("/v1/embeddings", body)).data[0].embedding;
      const base64 = (await ok("/v1/embeddings", { ...body, encoding_format: "base64" })).data[0].embedding;
      const bytes = Buffer.from(base64, "base64");
      assert.equal(floats.length, dimensions);
      assert.deepEqual(
        floats.map((_: number, i: number) => bytes.readFloatLE(4 * i)),
        floats.map(Math.fround),
      );
      assert.ok(Math.abs(Math.hypot(...floats) - 1) < 1e-6);
    }
  });

  test("answers responses in OpenAI's shape", async () => {
    const json = await ok("/v1/responses", { input: "hello", instructions: "be kind" });
    // biome-ignore format: a shape
    assertShape(json, {
      id: "", object: "", created_at: 0, status: "", background: false, error: null, incomplete_details: null,
      instructions: "", max_output_tokens: null, model: "",
      output: [{
        id: "", type: "", status: "", role: "",
        content: [{ type: "", annotations: [], logprobs: [], text: "" }],
      }],
      parallel_tool_calls: true, previous_response_id: null, reasoning: { effort: null, summary: null },
      service_tier: "", store: false, temperature: 1, text: { format: { type: "" } }, tool_choice: "", tools: [],
      top_p: 1, truncation: "", user: null, metadata: {},
      usage: {
        input_tokens: 0, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens: 0,
        output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 0,
      },
    });
    assert.deepEqual(
      [json.object, json.status, json.output[0].content[0].text],
      ["response", "completed", "hello"],
    );
    assert.deepEqual([json.usage.input_tokens, json.usage.output_tokens, json.usage.total_tokens], [4, 2, 6]);
  });

  test("reads the items of a responses input, and says when it was cut short", async () => {
    const input = [
      { role: "developer", content: "rules" },
      {
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: "x".repeat(100) }, { type: "input_image" }],
      },
      { type: "function_call", name: "f", arguments: "{}", call_id: "c" },
      { type: "function_call_output", call_id: "c", output: "1" },
      { role: "assistant", content: [{ type: "output_text", text: "done" }] },
    ];
    const json = await ok("/v1/responses", { input, max_output_tokens: 16 });
    assert.equal(json.output[0].content[0].text, "x".repeat(64));
    assert.deepEqual([json.status, json.incomplete_details], ["incomplete", { reason: "max_output_tokens" }]);
  });

  test("moderates texts one by one, and parts together, with or without a model", async () => {
    const one = (await post("/v1/moderations", { input: "fine" })).json;
    assert.match(one.id, /^modr-[0-9a-f]{32}$/);
    assert.equal(one.results.length, 1);
    assert.equal(one.results[0].flagged, false);
    assert.equal(Object.keys(one.results[0].categories).length, 13);
    assert.deepEqual(Object.keys(one.results[0].category_scores), Object.keys(one.results[0].categories));
    assert.equal((await ok("/v1/moderations", { input: ["a", "b", "c"] })).results.length, 3);
    const parts = [
      { type: "text", text: "a" },
      { type: "image_url", image_url: { url: "data:," } },
    ];
    const both = (await ok("/v1/moderations", { input: parts })).results;
    assert.deepEqual(
      both.map(({ category_applied_input_types: types }: Json) => [types.hate, types.violence]),
      [[["text"], ["text", "image"]]],
      "hate is looked for in texts alone",
    );
  });
});
describe("echoInference", () => {
  test("gives the same bytes for the same request, and other ids for another", async () => {
    for (const [url, body] of [
      [CHAT, { model: "echo-1", messages: [user("x")] }],
      ["/v1/embeddings", { model: "echo-1", input: "x" }],
      ["/v1/responses", { model: "echo-1", input: "x" }],
      ["/v1/none", {}],
    ] as const) {
      const answers = [];
      for (const idempotencyKey of ["a", "b"]) {
        answers.push(await echoInference().infer({ url, body: encode(body), idempotencyKey }, signal));
      }
      assert.deepEqual(answers[0], answers[1]);
      assert.match(answers[0]?.requestId ?? "", /^req_[0-9a-f]{32}$/);
    }
    const ids = new Set<string>();
    for (let i = 0; i < 2000; i++) ids.add((await ok(CHAT, { messages: [user(`question ${i}`)] })).id);
    assert.equal(ids.size, 2000);
  });

  test("answers to the name it is given", async () => {
    const body = encode({ model: 'mine "1"', messages: [user("x")] });
    const named = await echoInference({ model: 'mine "1"' }).infer(
      { url: CHAT, body, idempotencyKey: "k" },
      signal,
    );
    assert.equal(JSON.parse(new TextDecoder().decode(named.body)).model, 'mine "1"');
  });

  test("takes its time when told to, and stops when the signal aborts", async () => {
    const request = {
      url: CHAT,
      body: encode({ model: "echo-1", messages: [user("x")] }),
      idempotencyKey: "k",
    };
    const began = performance.now();
    assert.equal((await echoInference({ latencyMs: 20 }).infer(request, signal)).status, 200);
    assert.ok(performance.now() - began >= 19);
    const control = new AbortController();
    const waiting = echoInference({ latencyMs: 3_600_000 }).infer(request, control.signal);
    control.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(echo.infer(request, control.signal), /enough/);
  });

  test("sets no timer when it need not", async () => {
    const request = {
      url: CHAT,
      body: encode({ model: "echo-1", messages: [user("x")] }),
      idempotencyKey: "k",
    };
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    for (let i = 0; i < 100; i++) await echo.infer(request, signal);
    assert.equal(turned, false);
  });

  test("comes with its models, and with a list that takes all", async () => {
    assert.deepEqual([await echoModels.has("echo-1"), await echoModels.has("gpt-5")], [true, false]);
    assert.equal(await anyModel.has("gpt-5"), true);
  });
});
