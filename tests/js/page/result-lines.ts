/** Lines of output and error files. */

export const result = (id: string, body: object, status = 200) =>
  JSON.stringify({ custom_id: id, response: { status_code: status, request_id: "r", body }, error: null });

export const answer = (id: string, content: string, usage = { prompt_tokens: 10, completion_tokens: 5 }) =>
  result(id, {
    object: "chat.completion",
    model: "echo-1",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage,
  });

export const refusal = (id: string, code: string, message: string) =>
  result(id, { error: { code, message, type: "t" } }, 400);

export const text = (lines: string[]) => `${lines.join("\n")}\n`;
