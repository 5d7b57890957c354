/** Streams of vLLM and SGLang. */

import { CHAT, COMPLETIONS, type Shape, sse } from "./shape.ts";

const vllm = { id: "chatcmpl-3f", created: 1763000001, model: "Qwen/Qwen3-0.6B" };
const vllmChunk = (index: number, delta: unknown, more: object = { finish_reason: null }) => ({
  ...vllm,
  object: "chat.completion.chunk",
  choices: [{ index, delta, logprobs: null, ...more, token_ids: null }],
});
const vllmUsage = { prompt_tokens: 12, total_tokens: 20, completion_tokens: 8 };
const weather = (city: string) => JSON.stringify({ city, unit: "°C" });

const sglang = { id: "a7", created: 1763000002, model: "default" };
const sglangChunk = (delta: object, finish_reason: string | null, matched_stop: unknown = null) => ({
  ...sglang,
  object: "chat.completion.chunk",
  choices: [
    { index: 0, delta: { reasoning_content: null, ...delta }, logprobs: null, finish_reason, matched_stop },
  ],
});
const sglangUsage = {
  ...{ prompt_tokens: 5, total_tokens: 9, completion_tokens: 4 },
  ...{ prompt_tokens_details: null, reasoning_tokens: 2 },
};

export const gpu: Shape[] = [
  {
    of: "vLLM 0.11: two calls of tools in turns, after reasoning",
    url: CHAT,
    stream: sse([
      vllmChunk(0, { role: "assistant", content: "" }),
      vllmChunk(0, { reasoning_content: "Two " }),
      vllmChunk(0, { reasoning_content: "cities." }),
      vllmChunk(0, {
        tool_calls: [
          { id: "call-a", type: "function", index: 0, function: { name: "weather", arguments: "" } },
        ],
      }),
      vllmChunk(0, { tool_calls: [{ index: 0, function: { arguments: weather("Oslo").slice(0, 5) } }] }),
      vllmChunk(0, {
        tool_calls: [
          { id: "call-b", type: "function", index: 1, function: { name: "weather", arguments: "" } },
        ],
      }),
      vllmChunk(0, { tool_calls: [{ index: 1, function: { arguments: weather("Zürich") } }] }),
      vllmChunk(0, { tool_calls: [{ index: 0, function: { arguments: weather("Oslo").slice(5) } }] }),
      vllmChunk(0, { content: "" }, { finish_reason: "tool_calls", stop_reason: null }),
      { ...vllm, object: "chat.completion.chunk", choices: [], usage: vllmUsage },
    ]),
    plain: {
      ...vllm,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: {
            ...{ role: "assistant", content: null, reasoning_content: "Two cities." },
            tool_calls: [
              { id: "call-a", type: "function", function: { name: "weather", arguments: weather("Oslo") } },
              { id: "call-b", type: "function", function: { name: "weather", arguments: weather("Zürich") } },
            ],
          },
          ...{ logprobs: null, finish_reason: "tool_calls", stop_reason: null, token_ids: null },
        },
      ],
      usage: vllmUsage,
    },
  },
  {
    of: "vLLM 0.12: reasoning under its new name, tokens as numbers, a stop token",
    url: CHAT,
    stream: sse([
      { ...vllmChunk(0, { role: "assistant", content: "" }), prompt_token_ids: [1, 2] },
      ...[
        { index: 0, delta: { reasoning: "Hm" }, logprobs: null, finish_reason: null, token_ids: [7] },
        { index: 0, delta: { content: "4" }, logprobs: null, finish_reason: null, token_ids: [8, 9] },
        {
          index: 0,
          delta: {},
          logprobs: null,
          finish_reason: "stop",
          stop_reason: 151643,
          token_ids: [151643],
        },
      ].map((choice) => ({ ...vllm, object: "chat.completion.chunk", choices: [choice] })),
      { ...vllm, object: "chat.completion.chunk", choices: [], usage: vllmUsage },
    ]),
    plain: {
      ...vllm,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "4", reasoning: "Hm" },
          logprobs: null,
          finish_reason: "stop",
          stop_reason: 151643,
          token_ids: [7, 8, 9, 151643],
        },
      ],
      prompt_token_ids: [1, 2],
      usage: vllmUsage,
    },
  },
  {
    of: "vLLM 0.11: completions of two prompts, with log probabilities",
    url: COMPLETIONS,
    stream: sse([
      ...(
        [
          [0, " a", 0],
          [1, " x", 0],
          [0, "b", 2],
          [1, "y", 2],
        ] as const
      ).map(([index, text, offset]) => ({
        ...{ id: "cmpl-1", object: "text_completion", created: 1, model: "m" },
        choices: [
          {
            ...{ index, text, finish_reason: offset ? "length" : null, stop_reason: null },
            logprobs: {
              text_offset: [offset],
              token_logprobs: [-1.5],
              tokens: [text],
              top_logprobs: [{ [text]: -1.5 }],
            },
          },
        ],
      })),
      {
        ...{ id: "cmpl-1", object: "text_completion", created: 1, model: "m", choices: [] },
        usage: vllmUsage,
      },
    ]),
    plain: {
      ...{ id: "cmpl-1", object: "text_completion", created: 1, model: "m" },
      choices: [
        [" a", "b"],
        [" x", "y"],
      ].map(([first = "", second = ""], index) => ({
        ...{ index, text: first + second, finish_reason: "length", stop_reason: null },
        logprobs: {
          text_offset: [0, 2],
          token_logprobs: [-1.5, -1.5],
          tokens: [first, second],
          top_logprobs: [{ [first]: -1.5 }, { [second]: -1.5 }],
        },
      })),
      usage: vllmUsage,
    },
  },
  {
    of: "SGLang 0.5: reasoning, members that are null until they come, a stop that matched",
    url: CHAT,
    stream: sse([
      sglangChunk({ role: "assistant", content: "" }, null),
      sglangChunk({ reasoning_content: "Let me" }, null),
      sglangChunk({ reasoning_content: " see.", content: null, tool_calls: null }, null),
      sglangChunk({ content: "Four" }, null),
      sglangChunk({ content: null }, "stop", 151645),
      { ...sglang, object: "chat.completion.chunk", choices: [], usage: sglangUsage },
    ]),
    plain: {
      ...sglang,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Four", reasoning_content: "Let me see.", tool_calls: null },
          logprobs: null,
          finish_reason: "stop",
          matched_stop: 151645,
        },
      ],
      usage: sglangUsage,
    },
  },
];
