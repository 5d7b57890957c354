/** A model server on loopback that misbehaves as it is told, and counts. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** A call of a line. */
export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  model: string;
  /** The how many-th call of its line, and of its run, from 1. */
  ofLine: number;
  ofRun: number;
  /** Milliseconds since the first call of the run. */
  since: number;
}

/** Answers a call, or does not. */
export type Behaviour = (call: Call) => void;

/** A good answer. Every line of a run costs 3 and 2 tokens. */
export const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

export const whole = JSON.stringify(completion);

/** The good answer with something in it changed. */
export function changed(from: string, to: string): string {
  if (!whole.includes(from)) throw new Error(`${from} is not in the answer`);
  return whole.replace(from, () => to);
}

/** Answers with these bytes, or with this as JSON. */
export function says(
  status: number,
  body: string | Uint8Array | object,
  headers: Record<string, string> = {},
): Behaviour {
  const isText = typeof body === "string" || body instanceof Uint8Array;
  const bytes = Buffer.from(isText ? body : JSON.stringify(body));
  return ({ response }) => {
    response.writeHead(status, {
      "content-type": "application/json",
      "content-length": bytes.length,
      ...headers,
    });
    response.end(bytes);
  };
}

export const well = says(200, whole);

/** The good answer, packed. */
export const packed = {
  gzip: says(200, gzipSync(whole), { "content-encoding": "gzip" }),
  br: says(200, brotliCompressSync(whole), { "content-encoding": "br" }),
};

/** The good answer in chunks of one byte. */
export const chunked: Behaviour = ({ response }) => {
  response.writeHead(200, { "content-type": "application/json" });
  for (const byte of whole) response.write(byte);
  response.end();
};

/** An event stream, as if `stream` had been asked for. */
export const events: Behaviour = ({ response }) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write('data: {"id":"1","choices":[{"delta":{"content":"hi"}}]}\n\n');
  setImmediate(() => response.end("data: [DONE]\n\n"));
};

export const nothing: Behaviour = ({ response }) => {
  response.writeHead(204).end();
};

/** Resets the connection before an answer. */
export const reset: Behaviour = ({ request }) => request.socket.resetAndDestroy();

/** Sends the first half of the good answer, and resets the connection, or closes it. */
export function half(end: "reset" | "close"): Behaviour {
  return ({ request, response }) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": whole.length });
    response.write(whole.slice(0, 60), () => {
      if (end === "reset") request.socket.resetAndDestroy();
      else request.socket.end();
    });
  };
}

/** Redirects to an address, or to one made of the call's own. */
export function redirect(status: number, to: string | ((path: string) => string)): Behaviour {
  return ({ request, response }) => {
    const location = typeof to === "string" ? to : to(request.url ?? "");
    response.writeHead(status, { location }).end();
  };
}

/** One behaviour while something is so, then well. */
export function whilst(is: (call: Call) => boolean, behave: Behaviour): Behaviour {
  return (call) => (is(call) ? behave(call) : well(call));
}

/** A server of many runs, each under a name of its own: the first part of its path. */
export class Misbehaving {
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = [];
    for (const stream of [request, response]) stream.on("error", () => {});
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => this.#answer(request, response, Buffer.concat(parts).toString()));
  });
  readonly #runs = new Map<string, { behave: Behaviour; calls: Map<string, number>; began?: number }>();

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The base URL of a run that is treated so. */
  add(name: string, behave: Behaviour): string {
    this.#runs.set(name, { behave, calls: new Map() });
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/${name}/v1`;
  }

  /** How often each line was called, by what it asks. Redirects count as calls of their own. */
  calls(name: string): Map<string, number> {
    return this.#runs.get(name)?.calls ?? new Map();
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const run = this.#runs.get(request.url?.split("/")[1] ?? "");
    if (run === undefined) {
      response.writeHead(410).end();
      return;
    }
    const { model, messages } = JSON.parse(body);
    const line: string = messages[0].content;
    const ofLine = (run.calls.get(line) ?? 0) + 1;
    run.calls.set(line, ofLine);
    run.began ??= performance.now();
    const ofRun = [...run.calls.values()].reduce((sum, count) => sum + count, 0);
    const since = performance.now() - run.began;
    run.behave({ request, response, model, ofLine, ofRun, since });
  }
}
