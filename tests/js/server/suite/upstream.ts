/** A model server of the tests: counts every call by the line it is for, and answers as it is told to. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export interface Upstream {
  url: string;
  /** Calls that came, by idempotency key. */
  calls: Map<string, number>;
  /** Calls not answered yet. */
  inFlight: number;
  mostInFlight: number;
  /** When each call came. */
  times: number[];
  close(): Promise<void>;
}

export type Answer = (
  call: { content: string; key: string; attempt: number; body: Record<string, unknown> },
  response: ServerResponse,
  request: IncomingMessage,
) => void | Promise<void>;

/** Answers 200 with what the last message says, after a time. */
export function slowly(ms: number): Answer {
  return async ({ content }, response) => {
    if (ms > 0) await new Promise((next) => setTimeout(next, ms));
    reply(response, 200, completion(content));
  };
}

export function completion(content: string) {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model: "local",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
  };
}

export function reply(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** The same answer as a stream: headers at once, a word at a time after `until`, and its usage. */
export async function stream(
  response: ServerResponse,
  { choices: [choice], usage, ...top }: ReturnType<typeof completion>,
  until?: Promise<void>,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  await until;
  const chunk = (choices: unknown[], more = {}) =>
    response.write(
      `data: ${JSON.stringify({ ...top, object: "chat.completion.chunk", choices, ...more })}\n\n`,
    );
  const { content = "" } = choice?.message ?? {};
  chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);
  for (const word of content.split(/(?= )/)) {
    chunk([{ index: 0, delta: { content: word }, finish_reason: null }]);
  }
  chunk([{ index: 0, delta: {}, finish_reason: "stop" }]);
  chunk([], { usage });
  response.end("data: [DONE]\n\n");
}

export async function startUpstream(answer: Answer): Promise<Upstream> {
  const upstream: Upstream = {
    url: "",
    calls: new Map(),
    inFlight: 0,
    mostInFlight: 0,
    times: [],
    close: () => close(server),
  };
  const server = createServer(async (request, response) => {
    if (request.method === "GET") {
      // What a server asks for to say which models there are.
      return reply(response, 200, { object: "list", data: [{ id: "echo-1", object: "model" }] });
    }
    upstream.inFlight += 1;
    upstream.mostInFlight = Math.max(upstream.mostInFlight, upstream.inFlight);
    upstream.times.push(Date.now());
    response.on("close", () => {
      upstream.inFlight -= 1;
    });
    response.on("error", () => {});
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // The caller was killed.
    }
    const key = String(request.headers["idempotency-key"]);
    const attempt = (upstream.calls.get(key) ?? 0) + 1;
    upstream.calls.set(key, attempt);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const content = String(body.messages?.at(-1)?.content ?? "");
    await answer({ content, key, attempt, body }, response, request);
  });
  await new Promise<void>((next) => server.listen(0, "127.0.0.1", next));
  upstream.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return upstream;
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((next) => server.close(next));
}
