/** Guards the served port: who has no key gets nothing there, by whatever path, header or broken HTTP. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { chatLines, createBatch, ended } from "./batches.ts";
import { runtimeName } from "./runtimes.ts";
import { type Started, startServer } from "./server.ts";

const KEY = "sk-stranger-0123456789";
const SECRET = "the answer to everything";
let server: Started;
let fileId: string;
before(async () => {
  const sha256 = createHash("sha256").update(KEY).digest("hex");
  server = await startServer({ API_KEYS: `alice:${sha256}` }, KEY);
  const lines = chatLines(1).replace("number 0", SECRET);
  const batch = await ended(server.client, (await createBatch(server.client, lines)).id);
  fileId = batch.input_file_id;
});
after(() => server.stop());

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** A call with just these headers: fetch would not send a Host of ours. */
function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = "",
  url = server.url,
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((answered, failed) => {
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
      });
      const { statusCode: status = 0, headers } = response;
      response.once("end", () => answered({ status, headers, body: text }));
    });
    sent.once("error", failed);
    sent.end(body);
  });
}

/** Refused with 4xx in OpenAI's envelope, and with nothing of the inside. */
function assertRefused({ status, headers, body }: Answer, what: string): void {
  assert.ok(status >= 400 && status < 500, `${what}: ${status} ${body}`);
  if (body !== "") {
    const { error } = JSON.parse(body);
    assert.ok(error, `${what}: ${body}`);
    assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"], what);
    assert.equal(error.type, "invalid_request_error", what);
  }
  assert.match(String(headers["x-request-id"]), /^req_[0-9a-f]{32}$/, what);
  for (const secret of [SECRET, "alice", fileId, process.cwd(), "node_modules", "    at "]) {
    assert.ok(!body.includes(secret), `${what} tells '${secret}': ${body}`);
  }
}

const explorer = "/cdn-cgi/local/explorer";
const beside = [
  ...[explorer, `${explorer}/`, `${explorer}/api`, `${explorer}/api/r2/buckets`],
  ...[`${explorer}/api/r2/buckets/edgebatch/objects`, `${explorer}/api/workers`],
  ...["/cdn-cgi/explorer", "/cdn-cgi/explorer/api/r2/buckets", "/cdn-cgi/local", "/cdn-cgi/"],
  ...[
    "/cdn-cgi/local/r2/public/edgebatch",
    "/cdn-cgi/local/r2/s3/edgebatch",
    "/cdn-cgi/local/platform-proxy",
  ],
  ...["/cdn-cgi/local/scheduled", "/cdn-cgi/local/email", "/cdn-cgi/mf/scheduled", "/cdn-cgi/mf/reload"],
  ...[
    "/cdn-cgi/mf/r2/edgebatch",
    "/cdn-cgi/mf/stream",
    "/cdn-cgi/handler/scheduled",
    "/cdn-cgi/handler/email",
  ],
  ...["/__scheduled", "/__cf_local/stream", "/__cf_local/imagedelivery", "/core/error", "/core/log"],
  ...["/json", "/json/version", "/json/list", "/.edgebatch", "/v3", "/lock.db", "/_headers"],
  ...[
    "//cdn-cgi/local/explorer",
    "/CDN-CGI/local/explorer",
    "/%63dn-cgi/local/explorer",
    "/x/../cdn-cgi/mf/r2",
  ],
  ...[
    "/cdn-cgi%2Flocal%2Fexplorer",
    "/cdn-cgi\\local\\explorer",
    "/v1/../cdn-cgi/local/explorer/api/r2/buckets",
  ],
  ...["/v1", "/v1/files", "/v1/batches", "/v1/models", "/v1/uploads", "/v1//files", "/v1/../v1/files"],
];

const forged: Record<string, string>[] = [
  {},
  { host: "localhost", origin: "http://localhost" },
  { host: "127.0.0.1", origin: "https://evil.example", "sec-fetch-site": "same-origin" },
  { host: "localhost", "mf-original-url": `http://localhost${explorer}/api/r2/buckets` },
  { "mf-original-url": "garbage", "mf-proxy-shared-secret": "x" },
  { "mf-cf-blob": "not json", "cf-connecting-ip": "127.0.0.1", "x-forwarded-for": "127.0.0.1" },
  { "mf-route-override": "edgebatch", "mf-disable-pretty-error": "true", "x-forwarded-proto": "https" },
  { "mf-op": "GET", "mf-op-target": "0", "mf-op-key": "FILES", "mf-op-secret": "00", "mf-op-sync": "1" },
  { "mf-custom-fetch-service": "x", "mf-custom-node-service": "x", "mf-loopback-secret": "x" },
];

test("whatever lies beside the API is closed to who has no key, with forged headers too", async () => {
  for (const path of beside) {
    for (const headers of forged) {
      for (const method of ["GET", "PUT", "POST", "DELETE"]) {
        const what = `${method} ${path} ${JSON.stringify(headers)}`;
        assertRefused(await call(method, path, headers, method === "PUT" ? "x" : ""), what);
      }
    }
  }
});

test("headers that are meant for the runtime change nothing for who has a key", async () => {
  const authorization = `Bearer ${KEY}`;
  for (const headers of forged) {
    const { status, body } = await call("GET", `/v1/files/${fileId}`, { authorization, ...headers });
    assert.equal(status, 200, body);
    assert.equal(JSON.parse(body).id, fileId);
  }
});

/** Sends bytes as they are; what comes back until the end. */
function raw(text: string, then: (socket: ReturnType<typeof connect>) => void = () => {}): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((answered, failed) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let got = "";
    socket.on("data", (chunk: Buffer) => {
      got += chunk.toString("latin1");
    });
    socket.once("error", failed);
    socket.setTimeout(10_000, () =>
      socket.destroy(new Error(`no end of the answer to ${text.slice(0, 200)}: ${got}`)),
    );
    socket.once("end", () => {
      socket.destroy();
      answered(got);
    });
    socket.write(text, "latin1", () => then(socket));
  });
}

/** Bun and Deno leave nothing to whoever answers requests that is no request. */
const refusesByItself = runtimeName === "bun" || runtimeName === "deno";

test("what is no request at all is refused as a request would be", async () => {
  const host = "Host: localhost\r\n";
  const chunked = "Transfer-Encoding: chunked\r\n";
  const sent = {
    CONNECT: `CONNECT localhost:80 HTTP/1.1\r\n${host}\r\n`,
    "an unknown method": `BREW /v1/files HTTP/1.1\r\n${host}\r\n`,
    "a method of others": `PROPFIND / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    TRACE: `TRACE / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    "another protocol": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no version": "GET /v1/files\r\n\r\n",
    "no host": "GET /v1/files HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": `GET /v1/files HTTP/1.1\r\n${host}Host: evil\r\nConnection: close\r\n\r\n`,
    "a host that is none": "GET /v1/files HTTP/1.1\r\nHost: a b/c@d\r\nConnection: close\r\n\r\n",
    "a whole address": `GET http://localhost/cdn-cgi/local/explorer HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    "an asterisk": `OPTIONS * HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    "an upgrade": `GET /v1/files HTTP/1.1\r\n${host}Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n`,
    "an expectation": `POST /v1/files HTTP/1.1\r\n${host}Expect: tea\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx`,
    "two lengths": `POST /v1/files HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`,
    "a length and chunks": `POST /v1/files HTTP/1.1\r\n${host}${chunked}Content-Length: 3\r\n\r\n0\r\n\r\n`,
    "a chunk of no size": `POST /v1/files HTTP/1.1\r\n${host}${chunked}\r\nxyz\r\n`,
    "large headers": `GET /v1/files HTTP/1.1\r\n${host}X: ${"x".repeat(40_000)}\r\n\r\n`,
    "bytes in the path": `GET /v1/files/\xff\x80 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
  };
  for (const [what, text] of Object.entries(sent)) {
    const answer = await raw(text);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    const id = /^x-request-id: (\S+)$/im.exec(head)?.[1];
    // Of what they cannot read, they hang up, or say so themselves.
    if (refusesByItself && id === undefined) {
      assert.match(answer, /^$|^HTTP\/1\.1 4\d\d [\s\S]*\r\n\r\n$/, what);
      continue;
    }
    assertRefused({ status, headers: { "x-request-id": id }, body }, `${what}: ${answer}`);
  }
});

test("an upload that its client half closes, or a body of a call that has none, is no fault", async () => {
  const authorization = `Authorization: Bearer ${KEY}\r\n`;
  const form = "Content-Type: multipart/form-data; boundary=b\r\n";
  const head = `POST /v1/files HTTP/1.1\r\nHost: localhost\r\n${authorization}${form}`;
  const begun = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}';
  for (const length of ["Content-Length: 5000\r\n", "Transfer-Encoding: chunked\r\n"]) {
    const body = length.startsWith("T") ? `${begun.length.toString(16)}\r\n${begun}\r\n` : begun;
    const answer = await raw(`${head}${length}\r\n${body}`, (socket) => socket.end());
    // It takes a client that has no more to send for one that is gone.
    if (runtimeName === "deno" && answer === "") continue;
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /"type":"invalid_request_error"/);
  }
  // A body where none belongs is not taken for a second call.
  const inside = `GET /v1/models HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\n`;
  const outside = `GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${inside.length}\r\n\r\n`;
  const answer = await raw(outside + inside);
  assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
  assert.match(answer, /\{"status":"ok"\}$/);
});

test("a large body that is refused gets its refusal all the same", async () => {
  const body = "x".repeat(30_000_000);
  for (let i = 0; i < 20; i++) assert.equal((await call("POST", "/v1/files", {}, body)).status, 401);
});

test("without keys no page of another origin may call, and no name that is led here by others is ours", async () => {
  const open = await startServer();
  try {
    const { host, port } = new URL(open.url);
    const form = new FormData();
    form.set("purpose", "evals");
    form.set("file", new File(["x"], "x"));
    const { id } = await open.client.files.create({ purpose: "evals", file: new File(["x"], "x") });
    const asked = async (
      headers: Record<string, string>,
      method = "GET",
      path = "/v1/files",
      body?: FormData,
    ) => {
      const response = await fetch(open.url + path, { method, headers, ...(body && { body }) });
      assert.equal(response.headers.get("access-control-allow-origin"), null);
      return response.status;
    };
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://127.0.0.1:${Number(port) + 1}` },
      { origin: `http://localhost:${port}` },
      { origin: `http://${host}`, "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ] as Record<string, string>[]) {
      for (const [method, path, body] of [
        ["GET", "/v1/files", undefined],
        ["GET", `/v1/files/${id}/content`, undefined],
        ["POST", "/v1/files", form],
        ["DELETE", `/v1/files/${id}`, undefined],
        ["POST", "/v1/batches/batch_1/cancel", undefined],
      ] as const) {
        assert.equal(
          await asked(headers, method, path, body),
          403,
          `${method} ${path} ${JSON.stringify(headers)}`,
        );
      }
      assert.ok((await asked({ ...headers, "access-control-request-method": "DELETE" }, "OPTIONS")) < 300);
    }
    for (const headers of [{}, { origin: `http://${host}` }, { "sec-fetch-site": "same-origin" }] as Record<
      string,
      string
    >[])
      assert.equal(await asked(headers), 200);
    const named = (name: string) => call("GET", "/v1/files", { host: name }, "", open.url);
    for (const name of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "192.0.2.1"]) {
      const answer = await named(name);
      assert.equal(answer.status, 403, name);
      assertRefused(answer, name);
      assert.equal((await call("GET", "/", { host: name }, "", open.url)).status, 403);
    }
    for (const name of [`localhost:${port}`, "LOCALHOST", "127.0.0.1", `[::1]:${port}`])
      assert.equal((await named(name)).status, 200, name);
  } finally {
    await open.stop();
  }
  // With keys any page may call that has one, by any name.
  const headers = { authorization: `Bearer ${KEY}`, origin: "https://page.example", host: "batches.example" };
  const answer = await call("GET", "/v1/files", headers);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["access-control-allow-origin"], "*");
});
