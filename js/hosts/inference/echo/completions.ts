/** `/v1/completions`: says back the prompt, or each of several. */

import { CREATED, type Endpoint, integer, limited, stopTexts, tokens } from "./common.ts";
import { texts } from "./texts.ts";

export const completions: Endpoint = (body, id, model) => {
  const prompts = texts(body, "prompt");
  const n = integer(body, "n", 1, 128) ?? 1;
  const most = integer(body, "max_tokens", 0, 1e9);
  const stops = stopTexts(body);

  const choices: string[] = [];
  let asked = 0;
  let said = 0;
  for (const prompt of prompts) {
    const { text, cut } = limited(prompt.text, stops, most);
    asked += prompt.tokens;
    said += tokens(text) * n;
    const rest = `"logprobs":null,"finish_reason":"${cut ? "length" : "stop"}"}`;
    for (let i = 0; i < n; i++)
      choices.push(`{"text":${JSON.stringify(text)},"index":${choices.length},${rest}`);
  }
  return (
    `{"id":"cmpl-${id}","object":"text_completion","created":${CREATED},"model":${JSON.stringify(model)},` +
    `"choices":[${choices.join(",")}],"usage":{"prompt_tokens":${asked},"completion_tokens":${said},` +
    `"total_tokens":${asked + said}}}`
  );
};
