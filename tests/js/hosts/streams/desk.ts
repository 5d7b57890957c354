/** Streams of llama.cpp and Ollama. */

import { CHAT, COMPLETIONS, type Shape, sse } from "./shape.ts";

const llama = { created: 1763000003, id: "chatcmpl-Xy", model: "qwen3", system_fingerprint: "b7010-c6" };
const llamaChunk = (choices: unknown[], more: object = {}) => ({
  choices,
  ...llama,
  object: "chat.completion.chunk",
  ...more,
});
const timings = { prompt_n: 4, prompt_ms: 20.5, predicted_n: 2, predicted_per_second: 97.25 };

const ollama = {
  id: "chatcmpl-417",
  created: 1763000004,
  model: "qwen3:0.6b",
  system_fingerprint: "fp_ollama",
};
const ollamaChunk = (delta: object, finish_reason: string | null = null) => ({
  ...ollama,
  object: "chat.completion.chunk",
  choices: [{ index: 0, delta: { role: "assistant", content: "", ...delta }, finish_reason }],
});
const ollamaUsage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const ollamaCall = (index: number, name: string) => ({
  ...{ id: `call_${name}`, index, type: "function" },
  function: { name, arguments: '{"n":1}' },
});
const withoutIndex = ({ index: _, ...call }: ReturnType<typeof ollamaCall>) => call;

export const desk: Shape[] = [
  {
    of: "llama.cpp b7010: a text that starts as null, and its timings",
    url: CHAT,
    stream: sse([
      llamaChunk([{ finish_reason: null, index: 0, delta: { role: "assistant", content: null } }]),
      llamaChunk([{ finish_reason: null, index: 0, delta: { content: "Hello" } }]),
      llamaChunk([{ finish_reason: null, index: 0, delta: { content: " there" } }]),
      llamaChunk([{ finish_reason: "stop", index: 0, delta: {} }]),
      llamaChunk([], { usage: { completion_tokens: 2, prompt_tokens: 4, total_tokens: 6 }, timings }),
    ]),
    plain: {
      choices: [{ finish_reason: "stop", index: 0, message: { role: "assistant", content: "Hello there" } }],
      ...llama,
      object: "chat.completion",
      usage: { completion_tokens: 2, prompt_tokens: 4, total_tokens: 6 },
      timings,
    },
  },
  {
    of: "Ollama 0.12: the role in every chunk, reasoning",
    url: CHAT,
    stream: sse([
      ollamaChunk({ reasoning: "Well" }),
      ollamaChunk({ reasoning: "…" }),
      ollamaChunk({ content: "Hi" }),
      ollamaChunk({ content: "!" }),
      ollamaChunk({}, "stop"),
      { ...ollama, object: "chat.completion.chunk", choices: [], usage: ollamaUsage },
    ]),
    plain: {
      ...ollama,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hi!", reasoning: "Well…" },
          finish_reason: "stop",
        },
      ],
      usage: ollamaUsage,
    },
  },
  ...[
    ["0.12: whole calls of tools, by index", 1] as const,
    ["0.5: whole calls of tools, all of one index", 0] as const,
  ].map(([version, second]) => ({
    of: `Ollama ${version}`,
    url: CHAT,
    stream: sse([
      ollamaChunk({ tool_calls: [ollamaCall(0, "add")] }),
      ollamaChunk({ tool_calls: [ollamaCall(second, "mul")] }),
      ollamaChunk({}, "tool_calls"),
      { ...ollama, object: "chat.completion.chunk", choices: [], usage: ollamaUsage },
    ]),
    plain: {
      ...ollama,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: {
            ...{ role: "assistant", content: null },
            tool_calls: [withoutIndex(ollamaCall(0, "add")), withoutIndex(ollamaCall(1, "mul"))],
          },
          finish_reason: "tool_calls",
        },
      ],
      usage: ollamaUsage,
    },
  })),
  {
    of: "Ollama 0.12: completions, with a usage in every chunk",
    url: COMPLETIONS,
    stream: sse(
      [
        [{ index: 0, text: "Once", finish_reason: null }],
        [{ index: 0, text: " upon", finish_reason: null }],
        [{ index: 0, text: "", finish_reason: "stop" }],
        [],
      ].map((choices) => ({
        ...{
          id: "cmpl-9",
          object: "text_completion",
          created: 2,
          model: "m",
          system_fingerprint: "fp_ollama",
          choices,
        },
        usage: choices.length ? { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } : ollamaUsage,
      })),
    ),
    plain: {
      ...{ id: "cmpl-9", object: "text_completion", created: 2, model: "m", system_fingerprint: "fp_ollama" },
      choices: [{ index: 0, text: "Once upon", finish_reason: "stop" }],
      usage: ollamaUsage,
    },
  },
];
