/** The server's HTTP on Node. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import type { Exchange, Platform } from "../../server/ports.ts";
import { isLoopback } from "./address.ts";
import { answerBroken, badAddress } from "./broken.ts";

export const platform: Platform = {
  fixedLength: () => new TransformStream(),
  async md5(content) {
    const hash = createHash("md5");
    for await (const chunk of content) hash.update(chunk);
    return new Uint8Array(hash.digest());
  },
};

/** A file of the largest size may come over a slow line; headers have a minute. */
const REQUEST_MS = 3_600_000;
/** How often connections are looked at that have become idle while the server stops. */
const IDLE_LOOK_MS = 50;

export interface Listening {
  port: number;
  /** Takes no more connections. Resolves once those that are open have had their answers. */
  stop(): Promise<void>;
}

/** @throws Error when the address cannot be had */
export async function listen(
  answer: (request: Request, exchange: Exchange) => Promise<Response>,
  host: string,
  port: number,
  /** Told of each request, to follow it to the end of its answer. */
  follow: (incoming: IncomingMessage, outgoing: ServerResponse) => Exchange = () => ({}),
): Promise<Listening> {
  const followed = (request: Request, env: unknown) => {
    const { incoming, outgoing } = env as HttpBindings;
    return answer(request, follow(incoming, outgoing));
  };
  const listener = getRequestListener(followed, {
    overrideGlobalObjects: false,
    hostname: host,
    errorHandler: badAddress,
  });
  // One without a host is refused as all others are.
  const server = createServer(
    { requireHostHeader: false },
    (incoming, outgoing) => void listener(incoming, outgoing),
  );
  answerBroken(server);
  server.requestTimeout = REQUEST_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
      await closed;
      clearInterval(idle);
    },
  };
}

/** Whether the name by which a server was called is one of this machine's own. */
export function isCalledLocally(request: Request): boolean {
  return isLoopback(new URL(request.url).hostname);
}
