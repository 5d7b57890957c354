/** What streams look like, and what the same server answers in one piece: in the shapes that each has in its sources. */

export interface Shape {
  /** The server and its version. */
  of: string;
  url: string;
  stream: string;
  plain: unknown;
}

export const [CHAT, COMPLETIONS, RESPONSES] = ["/v1/chat/completions", "/v1/completions", "/v1/responses"];

/** Chunks as nearly every server writes them. */
export const sse = (chunks: unknown[], end = "data: [DONE]\n\n"): string =>
  chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("") + end;

/** Events as the responses API has them. */
export const events = (all: ({ type: string } & Record<string, unknown>)[]): string =>
  all.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

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

const response = {
  ...{ id: "resp_1", object: "response", created_at: 1763000005.0, status: "completed", error: null },
  ...{ model: "gpt-5-nano", output: [{ type: "message", content: [{ type: "output_text", text: "Hi é" }] }] },
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
};

export const shapes: Shape[] = [
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
        ...(at === 4 && { usage: ollamaUsage }),
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
      usage: ollamaUsage,
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
