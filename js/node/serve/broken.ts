/** Answers to what never becomes a request of the API: in its envelope, and with an id, as any refusal. */

import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { errorResponse, refused } from "../../server/http.ts";
import { newId } from "../../server/ids.ts";

const readErrors: Record<string, [status: number, message: string]> = {
  HPE_HEADER_OVERFLOW: [431, "The headers of the request are too large."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request did not come in time."],
  HPE_INVALID_METHOD: [405, "This method is not known."],
};

/** A refusal before any route had the call. */
export function refusal(status: number, message: string): Response {
  return errorResponse(refused(status, message), { "x-request-id": newId("req_") });
}

/** For requests of which no address can be made. */
export const badAddress = (): Response => refusal(400, "The request could not be read.");

/** Answers whatever the runtime's HTTP server could not read, or would only hang up on. */
export function answerBroken(server: Server): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const [status, message] = readErrors[error.code ?? ""] ?? [400, "The request could not be read."];
    void refuseRaw(socket, status, message);
  });
  server.on("connect", (_: IncomingMessage, socket: Duplex) => {
    void refuseRaw(socket, 405, "Not allowed to CONNECT.");
  });
  server.on("checkExpectation", ({ socket }: IncomingMessage) => {
    void refuseRaw(socket, 417, "Nothing but 100-continue can be expected.");
  });
}

async function refuseRaw(socket: Duplex, status: number, message: string): Promise<void> {
  socket.on("error", () => {});
  if (!socket.writable || ("bytesWritten" in socket && socket.bytesWritten !== 0)) {
    socket.destroy();
    return;
  }
  const answer = refusal(status, message);
  const body = await answer.text();
  const lines = [...answer.headers, ["content-length", String(body.length)], ["connection", "close"]];
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} Refused\r\n${head}\r\n${body}`, () => {
    // Whatever still comes is not waited for.
    setTimeout(() => socket.destroy(), 1_000).unref();
  });
}
