import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { type FetchInferenceOptions, fetchInference } from "../../../js/hosts/inference/fetch.ts";

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A server on a free port, which ends with the test file. */
export async function serve(handler: Handler): Promise<string> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    handler(request, response, Buffer.concat(parts));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const REQUEST = {
  url: "/v1/chat/completions",
  body: new TextEncoder().encode('{"model": "m",  "messages":[]}'),
  idempotencyKey: "batch_1:7",
};
export const never = (): AbortSignal => new AbortController().signal;
export const ask = (options: FetchInferenceOptions, signal = never()) =>
  fetchInference(options).infer(REQUEST, signal);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
