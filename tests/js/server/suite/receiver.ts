/** A receiver of webhooks for tests: keeps what came, and answers as it is told to. */

import { createServer } from "node:http";
import { close } from "./upstream.ts";

export interface Message {
  path: string;
  headers: Record<string, string>;
  body: string;
  time: number;
}

export interface Receiver {
  url: string;
  messages: Message[];
  close(): Promise<void>;
}

/** `answer` gives the status; one that never comes holds the sender. */
export async function startReceiver(
  answer: (message: Message) => number | Promise<number> = () => 200,
  headers: Record<string, string> = {},
): Promise<Receiver> {
  const messages: Message[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const message = {
      ...{ path: request.url ?? "", body, time: Date.now() },
      headers: request.headers as Record<string, string>,
    };
    messages.push(message);
    response.writeHead(await answer(message), headers).end("thanks");
  });
  await new Promise<void>((next) => server.listen(0, "127.0.0.1", next));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, messages, close: () => close(server) };
}
