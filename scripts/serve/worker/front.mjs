// The HTTP server that others reach. It passes on what is meant for the Worker, and nothing that is meant for the runtime
// around it: that trusts headers and paths which only Cloudflare, or Miniflare itself, should be able to send.
import { randomBytes } from "node:crypto";
import { Agent, createServer, request as httpRequest } from "node:http";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const WITH_BODY = ["POST", "PUT", "PATCH"];
/** Headers of one connection, and those that speak to the runtime. */
const OURS =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|http2-settings|mf-.*|cf-.*)$/;
/** A connection on which nothing moves for so long is closed: no call takes as long. */
const IDLE_MS = 15 * 60_000;

/**
 * One connection for each call, said to be kept all the same: workerd then reads on for a moment when it has answered
 * before the end of a body, where it would reset the connection, and with it the answer.
 */
const agent = new Agent({ keepAlive: true, maxFreeSockets: 0 });

/** How long what nobody wants is read at most. */
const DRAIN_MS = 30_000;

/** What a refusal says, as OpenAI would. */
function refusal(status, message) {
  const type = status < 500 ? "invalid_request_error" : "server_error";
  const body = JSON.stringify({ error: { message, type, param: null, code: null } });
  const headers = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "x-request-id": `req_${randomBytes(16).toString("hex")}`,
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body };
}

function refuse(response, status, message) {
  const { headers, body } = refusal(status, message);
  response.writeHead(status, headers);
  if (response.req.method !== "HEAD") response.write(body);
  endAfterBody(response);
}

/**
 * Ends an answer when what is sent to us has ended too, or has had its time. A connection that is closed while its client
 * sends is reset, and the client may never see the answer.
 */
function endAfterBody(response) {
  const { req: request } = response;
  request.resume();
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, DRAIN_MS);
  if (request.complete || request.destroyed) end();
  else request.once("close", end).once("end", end);
}

/** For what is no request that Node could read. */
function refuseRaw(socket, status, message) {
  if (!socket.writable || socket.bytesWritten > 0) return socket.destroy();
  const { headers, body } = refusal(status, message);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join("")}connection: close\r\n\r\n${body}`);
  // Whatever still comes is not waited for.
  setTimeout(() => socket.destroy(), 1_000).unref();
}

const READ_ERRORS = {
  HPE_HEADER_OVERFLOW: [431, "The headers of the request are too large."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request did not come in time."],
  HPE_INVALID_METHOD: [405, "This method is not known."],
};

/** Why a request is not passed on, if it is not. */
function reasonAgainst({ method, url, headers, headersDistinct }, isOurName) {
  if (!METHODS.includes(method)) return [405, `Not allowed to ${method}.`];
  if (!url.startsWith("/")) return [400, "The target of the request must be a path."];
  const hosts = headersDistinct.host ?? [];
  const name = hosts.length === 1 ? hostName(hosts[0]) : undefined;
  if (name === undefined) return [400, "The request must have one Host header, with a host."];
  if (!isOurName(name)) {
    const message =
      `This server has no keys, and so takes no calls that are meant for '${name}'. ` +
      "If that is a name of this server's, set ALLOWED_HOSTS to it.";
    return [403, message];
  }
  if (headers.upgrade !== undefined) return [400, "This server does not change protocols."];
  if (isRuntimePath(url)) return [404, `Invalid URL (${method} ${url.split("?", 1)[0]})`];
  return null;
}

function hostName(header) {
  if (!/^[^\s/?#@\\]+$/.test(header)) return undefined;
  try {
    return new URL(`http://${header}`).hostname.replace(/^\[(.*)\]$/, "$1");
  } catch {
    return undefined;
  }
}

/** Cloudflare's own paths and Miniflare's, however they are written. */
function isRuntimePath(url) {
  let [path] = url.split("?", 1);
  try {
    path = decodeURIComponent(path);
  } catch {}
  const { pathname } = new URL(path.replace(/^[/\\]+/, "/"), "http://localhost");
  return /^\/(?:cdn-cgi|__\w+)(?:[/\\]|$)/i.test(pathname);
}

function passOn(headers) {
  const kept = Object.entries(headers).filter(([name]) => !OURS.test(name));
  return Object.fromEntries(kept.map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

/** A server that is not listening yet. Until there is a socket of the Worker's it says that it starts. */
export function createFront(isOurName) {
  let socketPath;
  const server = createServer(
    {
      requireHostHeader: false,
      headersTimeout: 15_000,
      requestTimeout: 0,
      connectionsCheckingInterval: 5_000,
    },
    (request, response) => {
      request.on("error", () => {});
      response.on("error", () => {});
      const reason = reasonAgainst(request, isOurName);
      if (reason) refuse(response, ...reason);
      else if (socketPath === undefined) refuse(response, 503, "The server is starting.");
      else forward(socketPath, request, response);
    },
  );
  server.timeout = IDLE_MS;
  server.keepAliveTimeout = 75_000;
  server.on("clientError", (error, socket) => {
    const [status, message] = READ_ERRORS[error.code] ?? [400, "The request is not valid HTTP."];
    refuseRaw(socket, status, message);
  });
  server.on("connect", (_, socket) => refuseRaw(socket, 405, "Not allowed to CONNECT."));
  server.on("checkExpectation", (_, response) => refuse(response, 417, "This expectation cannot be met."));
  return {
    server,
    serve(path) {
      socketPath = path;
    },
  };
}

function forward(socketPath, request, response) {
  const { method, url } = request;
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  const hasBody = WITH_BODY.includes(method) && (encoding !== undefined || Number(length ?? 0) > 0);
  const { "content-length": _, ...headers } = passOn(request.headersDistinct);
  const call = httpRequest({
    ...{ socketPath, method, path: url, agent, setHost: false },
    headers: hasBody
      ? { ...headers, ...(encoding === undefined && { "content-length": length }), expect: "100-continue" }
      : headers,
  });
  response.once("close", () => call.destroy());
  // Once there is an answer, that tells itself whether it is whole: that no more of the body is taken is no matter.
  call.on("error", () => {
    if (!response.destroyed && !response.headersSent)
      refuse(response, 503, "The server cannot answer at the moment.");
  });
  call.once("response", (answer) => {
    request.unpipe(call);
    request.resume();
    answer.once("error", () => response.destroy());
    answer.once("aborted", () => response.destroy());
    response.writeHead(answer.statusCode, passOn(answer.headersDistinct));
    // Waits for a reader that is slow, and so does the Worker.
    answer.pipe(response, { end: false });
    answer.once("end", () => endAfterBody(response));
  });
  if (hasBody) {
    request.once("aborted", () => call.destroy());
    // The Worker asks for a body when it reads it: one that it refuses is not sent to it.
    call.once("continue", () => request.pipe(call));
    call.flushHeaders();
  } else {
    call.end();
    request.resume();
  }
}
