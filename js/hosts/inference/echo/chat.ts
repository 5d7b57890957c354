/** `/v1/chat/completions`: says back the last user message. */

import { CREATED, type Endpoint, integer, limited, Refusal, stopTexts, tokens } from "./common.ts";
import { converse, type Dialect } from "./messages.ts";

const MESSAGES: Dialect = {
  param: "messages",
  roles: ["system", "assistant", "user", "function", "tool", "developer"],
  textParts: ["text"],
  otherItems: false,
};

const DETAILS =
  '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,' +
  '"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}';

export const chat: Endpoint = (body, id, model) => {
  const { messages } = body;
  if (messages === undefined) throw Refusal.missing("messages");
  if (!Array.isArray(messages)) throw Refusal.type("messages", "an array of objects", messages);
  const prompt = converse(messages, MESSAGES);
  const n = integer(body, "n", 1, 128) ?? 1;
  const most = integer(body, "max_completion_tokens", 1, 1e9) ?? integer(body, "max_tokens", 1, 1e9);
  const { text, cut } = limited(prompt.text, stopTexts(body), most);

  const rest =
    `,"message":{"role":"assistant","content":${JSON.stringify(text)},"refusal":null,"annotations":[]},` +
    `"logprobs":null,"finish_reason":"${cut ? "length" : "stop"}"}`;
  let choices = `{"index":0${rest}`;
  for (let i = 1; i < n; i++) choices += `,{"index":${i}${rest}`;
  const said = tokens(text) * n;
  return (
    `{"id":"chatcmpl-${id}","object":"chat.completion","created":${CREATED},"model":${JSON.stringify(model)},` +
    `"choices":[${choices}],"usage":{"prompt_tokens":${prompt.tokens},"completion_tokens":${said},` +
    `"total_tokens":${prompt.tokens + said},${DETAILS}},"service_tier":"default","system_fingerprint":"fp_echo"}`
  );
};
