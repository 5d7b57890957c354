/** `/v1/responses`: says back the input, or the last user message in it. */

import { CREATED, type Endpoint, integer, limited, Refusal, tokens } from "./common.ts";
import { converse, type Dialect } from "./messages.ts";

const INPUT: Dialect = {
  param: "input",
  roles: ["assistant", "system", "developer", "user"],
  textParts: ["input_text", "output_text"],
  otherItems: true,
};

export const responses: Endpoint = (body, id, model) => {
  const { input, instructions = null } = body;
  if (input === undefined) throw Refusal.missing("input");
  if (typeof input !== "string" && !Array.isArray(input)) {
    throw Refusal.type("input", "one of a string or array of input items", input);
  }
  if (instructions !== null && typeof instructions !== "string") {
    throw Refusal.type("instructions", "a string", instructions);
  }
  const prompt = typeof input === "string" ? { text: input, tokens: tokens(input) } : converse(input, INPUT);
  const most = integer(body, "max_output_tokens", 16, 1e9);
  const { text, cut } = limited(prompt.text, [], most);

  const asked = prompt.tokens + tokens(instructions ?? "");
  const said = tokens(text);
  const status = cut ? "incomplete" : "completed";
  return (
    `{"id":"resp_${id}","object":"response","created_at":${CREATED},"status":"${status}","background":false,` +
    `"error":null,"incomplete_details":${cut ? '{"reason":"max_output_tokens"}' : "null"},` +
    `"instructions":${JSON.stringify(instructions)},"max_output_tokens":${most ?? null},` +
    `"model":${JSON.stringify(model)},"output":[{"id":"msg_${id}","type":"message","status":"${status}",` +
    `"content":[{"type":"output_text","annotations":[],"logprobs":[],"text":${JSON.stringify(text)}}],` +
    `"role":"assistant"}],"parallel_tool_calls":true,"previous_response_id":null,` +
    `"reasoning":{"effort":null,"summary":null},"service_tier":"default","store":false,"temperature":1,` +
    `"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1,"truncation":"disabled",` +
    `"usage":{"input_tokens":${asked},"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":${said},` +
    `"output_tokens_details":{"reasoning_tokens":0},"total_tokens":${asked + said}},"user":null,"metadata":{}}`
  );
};
