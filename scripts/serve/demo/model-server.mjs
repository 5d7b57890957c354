// A model server of a few lines, as there is none offline: it says the last message back, word by word where a stream is
// asked for. Nothing of it is OpenAI's but the shape.
import { createServer } from "node:http";

const latencyMs = 100;
const wordMs = 60;
const pause = (ms) => new Promise((next) => setTimeout(next, ms));

/** Listens on a free port of this machine. Gives its base URL, and how to close it. */
export async function startModelServer() {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise((next) => server.listen(0, "127.0.0.1", next));
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const json = (status, body) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (request.url === "/v1/models")
    return json(200, { object: "list", data: [{ id: "echo-1", object: "model" }] });
  if (request.url !== "/v1/chat/completions") return json(404, { error: { message: "no such endpoint" } });
  const { model, messages, stream } = JSON.parse(Buffer.concat(chunks).toString());
  const content = messages?.at(-1)?.content;
  if (typeof content !== "string")
    return json(400, { error: { message: "no message to answer", code: "no_message" } });
  const created = Math.floor(Date.now() / 1000);
  await pause(latencyMs);
  if (!stream) {
    const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
    return json(200, { id: "chatcmpl-demo", object: "chat.completion", created, model, choices });
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const word of content.split(/(?<= )/)) {
    const choices = [{ index: 0, delta: { content: word }, finish_reason: null }];
    const chunk = { id: "chatcmpl-demo", object: "chat.completion.chunk", created, model, choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    await pause(wordMs);
  }
  response.end("data: [DONE]\n\n");
}
