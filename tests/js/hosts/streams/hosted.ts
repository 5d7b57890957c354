/** Streams of hosted models, and of the responses API. */

import { CHAT, events, RESPONSES, type Shape, sse } from "./shape.ts";

const openai = {
  id: "chatcmpl-C1",
  created: 1763000000,
  model: "gpt-5-nano-2025-08-07",
  service_tier: "default",
  system_fingerprint: "fp_1",
};
const openaiUsage = {
  ...{ prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
  prompt_tokens_details: { cached_tokens: 2, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 1, audio_tokens: 0 },
};
const openaiChunk = (choices: unknown[], usage: unknown = null) => ({
  ...openai,
  object: "chat.completion.chunk",
  choices,
  usage,
  obfuscation: "x9Qk",
});
const logprob = (token: string) => ({
  ...{ token, logprob: -0.25, bytes: [...new TextEncoder().encode(token)] },
  top_logprobs: [{ token, logprob: -0.25, bytes: null }],
});

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

const response = {
  ...{ id: "resp_1", object: "response", created_at: 1763000005.0, status: "completed", error: null },
  ...{ model: "gpt-5-nano", output: [{ type: "message", content: [{ type: "output_text", text: "Hi é" }] }] },
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
};

export const hosted: Shape[] = [
  {
    of: "OpenAI, November 2025: text, padded chunks, log probabilities",
    url: CHAT,
    stream: sse([
      openaiChunk([
        {
          index: 0,
          delta: { role: "assistant", content: "", refusal: null },
          logprobs: null,
          finish_reason: null,
        },
      ]),
      openaiChunk([
        {
          index: 0,
          delta: { content: "Größe" },
          logprobs: { content: [logprob("Größe")], refusal: null },
          finish_reason: null,
        },
      ]),
      openaiChunk([
        {
          index: 0,
          delta: { content: " 🦀" },
          logprobs: { content: [logprob(" 🦀")], refusal: null },
          finish_reason: null,
        },
      ]),
      openaiChunk([{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }]),
      openaiChunk([], openaiUsage),
    ]),
    plain: {
      ...openai,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Größe 🦀", refusal: null },
          logprobs: { content: [logprob("Größe"), logprob(" 🦀")], refusal: null },
          finish_reason: "stop",
        },
      ],
      usage: openaiUsage,
    },
  },
  {
    of: "OpenAI, November 2025: a refusal, and a choice that refused nothing",
    url: CHAT,
    stream: sse([
      openaiChunk([
        { index: 1, delta: { role: "assistant", content: "", refusal: null }, finish_reason: null },
      ]),
      openaiChunk([
        { index: 0, delta: { role: "assistant", content: "", refusal: null }, finish_reason: null },
      ]),
      openaiChunk([{ index: 0, delta: { refusal: "I can" }, finish_reason: null }]),
      openaiChunk([{ index: 1, delta: { content: "Yes" }, finish_reason: null }]),
      openaiChunk([{ index: 0, delta: { refusal: "not." }, finish_reason: null }]),
      openaiChunk([{ index: 0, delta: {}, finish_reason: "stop" }]),
      openaiChunk([{ index: 1, delta: {}, finish_reason: "length" }]),
      openaiChunk([], openaiUsage),
    ]),
    plain: {
      ...openai,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: null, refusal: "I cannot." },
          finish_reason: "stop",
        },
        { index: 1, message: { role: "assistant", content: "Yes", refusal: null }, finish_reason: "length" },
      ],
      usage: openaiUsage,
    },
  },
  {
    of: "OpenAI, November 2025: a function as they were called at first",
    url: CHAT,
    stream: sse([
      openaiChunk([
        {
          index: 0,
          delta: { role: "assistant", content: null, function_call: { name: "weather", arguments: "" } },
          finish_reason: null,
        },
      ]),
      openaiChunk([{ index: 0, delta: { function_call: { arguments: '{"city"' } }, finish_reason: null }]),
      openaiChunk([{ index: 0, delta: { function_call: { arguments: ':"Oslo"}' } }, finish_reason: null }]),
      openaiChunk([{ index: 0, delta: {}, finish_reason: "function_call" }]),
      openaiChunk([], openaiUsage),
    ]),
    plain: {
      ...openai,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: null,
            function_call: { name: "weather", arguments: '{"city":"Oslo"}' },
          },
          finish_reason: "function_call",
        },
      ],
      usage: openaiUsage,
    },
  },
  {
    of: "Mistral, November 2025: parts of thinking, then text",
    url: CHAT,
    stream: sse(
      [
        { role: "assistant", content: "" },
        { content: [{ type: "thinking", thinking: [{ type: "text", text: "Hm" }] }] },
        { content: [{ type: "thinking", thinking: [{ type: "text", text: ", 4" }] }] },
        { content: "Fo" },
        { content: "ur" },
      ].map((delta, at) => ({
        ...{ id: "m1", object: "chat.completion.chunk", created: 3, model: "magistral" },
        choices: [{ index: 0, delta, finish_reason: at === 4 ? "stop" : null }],
        ...(at === 4 && { usage: usage }),
      })),
    ),
    plain: {
      ...{ id: "m1", object: "chat.completion", created: 3, model: "magistral" },
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: [
              { type: "thinking", thinking: [{ type: "text", text: "Hm, 4" }] },
              { type: "text", text: "Four" },
            ],
          },
          finish_reason: "stop",
        },
      ],
      usage: usage,
    },
  },
  {
    of: "OpenAI, November 2025: responses",
    url: RESPONSES,
    stream: events([
      { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
      { type: "response.output_text.delta", delta: "Hi" },
      { type: "response.output_text.delta", delta: " é" },
      { type: "response.completed", sequence_number: 4, response },
    ]),
    plain: response,
  },
  ...(["failed", "incomplete"] as const).map((status) => ({
    of: `vLLM 0.11: responses that are ${status}`,
    url: RESPONSES,
    stream: events([
      { type: "response.created", response: { ...response, status: "in_progress" } },
      { type: `response.${status}`, response: { ...response, status } },
    ]),
    plain: { ...response, status },
  })),
  {
    of: "llama.cpp b7900: responses, then the end of chats' streams",
    url: RESPONSES,
    stream: `${events([{ type: "response.completed", response }])}data: [DONE]\n\n`,
    plain: response,
  },
];
