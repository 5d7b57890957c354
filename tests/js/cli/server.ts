/** A model server on loopback that remembers every call by its idempotency key. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

/** How the server answers a request: an HTTP status, with headers if need be. */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** The code of the error. */
  code?: string;
}

/** What was called, and how much at once. */
export class ModelServer {
  /** Calls by idempotency key. */
  readonly calls = new Map<string, number>();
  inFlight = 0;
  mostInFlight = 0;
  total = 0;
  latencyMs = 0;
  /** Of the last call. */
  headers: IncomingMessage["headers"] = {};
  /** Of each call. */
  readonly traceparents: string[] = [];
  /** What to answer to the n-th call (from 1) for a custom text. */
  reply: (text: string, call: number) => Reply = () => ({ status: 200 });
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  /** Listens, on a free port if none is given; closes after the tests of the file. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    after(() => this.close());
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Resolves once as many calls have come in. */
  async reached(total: number): Promise<void> {
    while (this.total < total) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // It has no list of its models.
    if (request.method === "GET") return void response.writeHead(404).end();
    const key = String(request.headers["idempotency-key"]);
    this.headers = request.headers;
    this.traceparents.push(String(request.headers.traceparent));
    const call = (this.calls.get(key) ?? 0) + 1;
    this.calls.set(key, call);
    this.total += 1;
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    response.on("close", () => {
      this.inFlight -= 1;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = JSON.parse(Buffer.concat(chunks).toString()).messages[0].content as string;
    const { status, headers, code } = this.reply(text, call);
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs).unref());
    const body =
      status < 300
        ? { id: "x", choices: [{ message: { content: text } }] }
        : { error: { message: "no", code } };
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  }
}
