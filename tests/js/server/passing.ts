/** A server with model servers that keep what they were sent: for tests of calls that are passed on. */

import { createHash } from "node:crypto";
import "../../../js/entry/node.ts";
import { app } from "../../../js/server/app.ts";
import type { Ports } from "../../../js/server/ports.ts";
import type { CallInit, ModelServer } from "../../../js/server/upstreams/types.ts";
import { ModelServers, type UpstreamsOptions } from "../../../js/server/upstreams/upstreams.ts";
import { ports } from "./memory.ts";
import { scripted } from "./model-servers.ts";

export const KEY = "key-of-the-caller";
export const SECRET = "key-of-the-model-server";
const keys = { API_KEYS: `alice:${createHash("sha256").update(KEY).digest("hex")}` };

export interface Seen {
  path: string;
  init: CallInit;
  body: string;
}

/** A model server that keeps what it was sent, and answers as it is told. */
export function server(
  answer: (seen: Seen) => Response | Promise<Response>,
  more: Partial<ModelServer> = {},
): ModelServer & { seen: Seen[] } {
  const seen: Seen[] = [];
  const call = async (path: string, init: CallInit) => {
    const body = await new Response(init.body as BodyInit).text();
    const call = { path, init, body };
    seen.push(call);
    return answer(call);
  };
  return { ...scripted("a", { secrets: [SECRET], ...more }), call, seen };
}

export function setUp(
  servers: ModelServer[],
  options: Partial<UpstreamsOptions> = {},
  more: Partial<Ports> = {},
) {
  const upstreams = more.upstreams ?? new ModelServers({ servers, ...options });
  const here = ports({ keys, ...more, upstreams });
  const post = (body: BodyInit | object, init: RequestInit = {}, path = "/v1/chat/completions") => {
    const isJson = Object.getPrototypeOf(body) === Object.prototype;
    const request = new Request(`https://edgebatch.example${path}`, {
      method: "POST",
      body: isJson ? JSON.stringify(body) : (body as BodyInit),
      ...(body instanceof ReadableStream && { duplex: "half" }),
      ...init,
      headers: {
        authorization: `Bearer ${KEY}`,
        ...(isJson && { "content-type": "application/json" }),
        ...init.headers,
      },
    });
    return app.fetch(request, here);
  };
  return { upstreams, post };
}

export const chat = { model: "m", messages: [{ role: "user", content: "hello" }] };
