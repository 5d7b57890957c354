/** Which headers pass between a caller and a model server. */

import { hasSecret } from "../../core/secrets.ts";

/** Of one connection (RFC 9110, 7.6.1), and what `fetch` writes by itself. */
const OF_CONNECTION = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"],
  ...["trailer", "transfer-encoding", "upgrade", "content-length", "expect"],
];

/** Who the caller is, and how it came here: that is between it and this server. */
const OF_CALLER = [
  ...["host", "authorization", "api-key", "x-api-key", "openai-organization", "openai-project", "cookie"],
  ...["origin", "referer", "forwarded", "via", "x-real-ip", "true-client-ip", "accept-encoding", "cdn-loop"],
  ...["access-control-request-headers", "access-control-request-method"],
];

/** What is said of connections, origins and keys that are not the caller's. */
const OF_SERVER = ["set-cookie", "set-cookie2", "www-authenticate", "location", "alt-svc", "clear-site-data"];

/** What a model server is told of a caller's headers. */
export function requestHeaders(given: Headers): Headers {
  const headers = without(given, [...OF_CONNECTION, ...OF_CALLER], /^(x-forwarded-|cf-|sec-)/);
  // As it would come without `fetch`, which unpacks what is packed.
  headers.set("accept-encoding", "identity");
  return headers;
}

/** What a caller is told of a model server's headers: all that says something about the answer. */
export function answerHeaders(answer: Response, secrets: readonly string[]): Headers {
  const own = [...OF_CONNECTION, ...OF_SERVER].filter((name) => name !== "content-length");
  const headers = without(answer.headers, own, /^(access-control-|strict-transport-security$)/);
  // It was unpacked on the way.
  if (headers.has("content-encoding")) {
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  for (const [name, value] of [...headers]) if (hasSecret(value, secrets)) headers.delete(name);
  return headers;
}

function without(given: Headers, names: string[], pattern: RegExp): Headers {
  const listed = (given.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const headers = new Headers();
  for (const [name, value] of given) {
    if (names.includes(name) || listed.includes(name) || pattern.test(name)) continue;
    headers.append(name, value);
  }
  return headers;
}
