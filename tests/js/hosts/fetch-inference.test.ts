import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import * as zlib from "node:zlib";
import { fetchInference } from "../../../js/hosts/inference/fetch.ts";
import { ask, never, REQUEST, serve, textOf } from "./model-server.ts";

describe("fetchInference", () => {
  test("posts the body as it is, with the key, the type and the idempotency key", async () => {
    let seen: { request: IncomingMessage; body: Buffer } | undefined;
    const baseUrl = await serve((request, response, body) => {
      seen = { request, body };
      response
        .writeHead(200, { "x-request-id": "req_9", "content-type": "application/json" })
        .end('{"ok": 1}');
    });
    const answer = await ask({ baseUrl, apiKey: "sk-1", headers: { "OpenAI-Project": "p" } });
    assert.equal(seen?.request.method, "POST");
    assert.equal(seen?.request.url, "/v1/chat/completions");
    assert.deepEqual(new Uint8Array(seen?.body ?? []), REQUEST.body);
    const { headers } = seen?.request ?? { headers: {} };
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers.authorization, "Bearer sk-1");
    assert.equal(headers["idempotency-key"], "batch_1:7");
    assert.equal(headers["openai-project"], "p");
    assert.deepEqual(Object.keys(answer).sort(), ["body", "requestId", "status"]);
    assert.equal(answer.status, 200);
    assert.equal(answer.requestId, "req_9");
    assert.equal(textOf(answer.body), '{"ok": 1}');
  });

  test("an error that repeats the key, or a header that is a secret, has *** in its place, and no other answer", async () => {
    const key = "sk-or/abc+123";
    const headers = { "X-Api-Key": "hidden-7", "x-route": "Bearer of-sixteen-letters", "x-team": "openai" };
    const words = `${key} ${JSON.stringify(key).replaceAll("/", "\\/")} Bearer ${key}, hidden-7, of-sixteen-letters, openai`;
    let [status, body] = [401, words];
    const baseUrl = await serve((_, response) => {
      response.writeHead(status, { "x-request-id": `req-${key}` }).end(body);
    });
    for (const fetch of [undefined, globalThis.fetch.bind(globalThis)]) {
      const options = { baseUrl, apiKey: key, headers, ...(fetch && { fetch }) };
      for (status of [400, 401, 500]) {
        const answer = await ask(options);
        assert.equal(textOf(answer.body), '*** "***" Bearer ***, ***, ***, openai');
        assert.equal(answer.requestId, undefined);
      }
      status = 200;
      assert.equal(textOf((await ask(options)).body), words);
      body = `{ "error": {"message": "wrong key ${key}"}}`;
      assert.equal(textOf((await ask(options)).body), '{ "error": {"message": "wrong key ***"}}');
      body = words;
    }
  });

  test("joins the base and the path as OpenAI's SDKs do", async () => {
    const seen: string[] = [];
    const origin = await serve((request, response) => {
      seen.push(request.url ?? "");
      response.end("{}");
    });
    const cases: [base: string, url: string, called: string][] = [
      ["", "/v1/chat/completions", "/v1/chat/completions"],
      ["/", "/v1/chat/completions", "/v1/chat/completions"],
      ["/v1", "/v1/chat/completions", "/v1/chat/completions"],
      ["/v1//", "/v1/chat/completions", "/v1/chat/completions"],
      ["/api/openai/v1/", "/v1/embeddings", "/api/openai/v1/embeddings"],
      ["/api/openai", "/v1/embeddings", "/api/openai/embeddings"],
      ["/v1beta/openai/", "/v1/chat/completions", "/v1beta/openai/chat/completions"],
      ["/v12", "/v1/chat/completions", "/v12/chat/completions"],
      ["/v1?api-version=2", "/v1/chat/completions", "/v1/chat/completions?api-version=2"],
      [
        "/openai/deployments/D?api-version=2",
        "/v1/chat/completions",
        "/openai/deployments/D/chat/completions?api-version=2",
      ],
      ["/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions"],
      ["/openai/deployments/D/embeddings?v=1", "/v1/embeddings", "/openai/deployments/D/embeddings?v=1"],
      ["/openai/v1", "/chat/completions", "/openai/v1/chat/completions"],
      ["/v1", "/v1/audio/transcriptions", "/v1/audio/transcriptions"],
      ["", "/rerank", "/rerank"],
      ["/v1", "/v1beta/x", "/v1/v1beta/x"],
    ];
    for (const [end, url] of cases) {
      await fetchInference({ baseUrl: origin + end }).infer({ ...REQUEST, url }, never());
    }
    assert.deepEqual(
      seen,
      cases.map(([, , called]) => called),
    );
  });

  test("sends nothing to another server, whatever the url says", async () => {
    const seen: string[] = [];
    const baseUrl = await serve((request, response) => {
      seen.push(request.url ?? "");
      response.end("{}");
    });
    for (const url of [
      "//evil.test/x",
      "http://evil.test/",
      "@evil.test/",
      "/../x",
      "/v1/a?b#c",
      "\\\\evil.test",
    ]) {
      await fetchInference({ baseUrl }).infer({ ...REQUEST, url }, never());
    }
    assert.equal(seen.length, 6);
    assert.equal(seen[4], "/v1/a%3Fb%23c");
  });

  test("refuses a base that is no web address, or that carries a password", () => {
    assert.throws(() => fetchInference({ baseUrl: "localhost:8000" }), TypeError);
    assert.throws(() => fetchInference({ baseUrl: "file:///etc" }), /must start with http/);
    assert.throws(
      () => fetchInference({ baseUrl: "https://me:secret@host/v1" }),
      (error: Error) => {
        return /no user name or password/.test(error.message) && !error.message.includes("secret");
      },
    );
  });

  test("gives every status with its body as it is", async () => {
    for (const status of [201, 204, 400, 401, 404, 408, 409, 418, 429, 500, 503, 529]) {
      const body = status === 204 ? "" : `{"error": {"message":"ü ${status}"}}\n`;
      const baseUrl = await serve((_, response) => response.writeHead(status).end(body));
      const answer = await ask({ baseUrl });
      assert.equal(answer.status, status);
      assert.equal(textOf(answer.body), body);
    }
  });

  test("asks once, even where the answer is a 500", async () => {
    let count = 0;
    const baseUrl = await serve((_, response) => {
      count++;
      response.writeHead(500, { "retry-after": "0" }).end("{}");
    });
    const answer = await ask({ baseUrl });
    assert.deepEqual([count, answer.status, answer.retryAfterMs], [1, 500, 0]);
  });

  test("refuses a key that no header can carry, says where, and never says the key", () => {
    assert.throws(
      () => fetchInference({ baseUrl: "http://h", apiKey: "sk-\u201cquoted" }),
      (error: Error) => {
        assert.match(error.message, /no header may hold, at position 4 \(U\+201C\)/);
        return error instanceof TypeError && !error.message.includes("quoted");
      },
    );
    assert.throws(() => fetchInference({ baseUrl: "http://h", apiKey: "a\nb" }), /at position 2 \(U\+000A\)/);
  });

  test("rejects with a TimeoutError when no headers come in time", async () => {
    const baseUrl = await serve(() => undefined);
    await assert.rejects(ask({ baseUrl, timeoutMs: 30 }), { name: "TimeoutError", message: /within 30 ms/ });
  });

  test("rejects with a TimeoutError when the body does not end in time", async () => {
    const baseUrl = await serve((_, response) => void response.writeHead(200).write('{"half":'));
    await assert.rejects(ask({ baseUrl, timeoutMs: 60 }), { name: "TimeoutError" });
  });

  test("rejects with a TimeoutError even where fetch does not heed the signal", async () => {
    const deaf = (() => new Promise<Response>(() => undefined)) as typeof fetch;
    await assert.rejects(ask({ baseUrl: "http://h", timeoutMs: 10, fetch: deaf }), { name: "TimeoutError" });
  });

  test("calls a time limit of fetch itself a TimeoutError, but not one of connecting", async () => {
    const failing = (code: string) =>
      (async () => {
        throw new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
      }) as typeof fetch;
    for (const code of ["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]) {
      await assert.rejects(ask({ baseUrl: "http://h", fetch: failing(code) }), { name: "TimeoutError" });
    }
    const connecting = ask({ baseUrl: "http://h", fetch: failing("UND_ERR_CONNECT_TIMEOUT") });
    await assert.rejects(connecting, { name: "TypeError" });
  });

  test("sets no limit for a time of Infinity, and none that overflows a timer", async () => {
    const baseUrl = await serve((_, response) => response.end("{}"));
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 1e12]) {
      assert.equal((await ask({ baseUrl, timeoutMs })).status, 200);
    }
  });

  test("stops when the signal aborts, before, while it waits and within the body", async () => {
    const control = new AbortController();
    let asked = 0;
    const baseUrl = await serve(() => {
      asked++;
      control.abort(new Error(`told to stop ${asked}`));
    });
    await assert.rejects(ask({ baseUrl }, control.signal), /told to stop 1/);
    await assert.rejects(ask({ baseUrl }, control.signal), /told to stop 1/);
    assert.equal(asked, 1, "nothing is sent once the signal has aborted");

    const second = new AbortController();
    const streaming = await serve((_, response) => void response.writeHead(200).write("{"));
    const fetchThenAbort: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      setImmediate(() => second.abort());
      return response;
    };
    await assert.rejects(ask({ baseUrl: streaming, fetch: fetchThenAbort }, second.signal), {
      name: "AbortError",
    });
  });

  test("lets go of the connection when it stops", async () => {
    let closed: Promise<unknown> | undefined;
    const baseUrl = await serve((request) => {
      closed = once(request.socket, "close");
    });
    await assert.rejects(ask({ baseUrl, timeoutMs: 60 }), { name: "TimeoutError" });
    assert.ok(closed !== undefined, "the request has arrived");
    await closed;
  });

  test("leaves no timer and no listener behind", async () => {
    const baseUrl = await serve((request, response) => {
      if (request.headers["idempotency-key"] === "reset") request.socket.destroy();
      else response.end("{}");
    });
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...all: unknown[]) => {
      listeners++;
      addEventListener.apply(signal, all as never);
    };
    signal.removeEventListener = (...all: unknown[]) => {
      listeners--;
      removeEventListener.apply(signal, all as never);
    };
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const inference = fetchInference({ baseUrl, timeoutMs: 3_600_000 });
    await inference.infer(REQUEST, signal);
    const before = timers();
    for (let i = 0; i < 5; i++) {
      await inference.infer(REQUEST, signal);
      await assert.rejects(inference.infer({ ...REQUEST, idempotencyKey: "reset" }, signal));
    }
    assert.equal(listeners, 0);
    assert.ok(timers() <= before, `${timers()} timers after ${before}`);
  });

  test("rejects when nobody listens, and when the connection is reset", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const isConnectionError = (error: Error): boolean => !["TimeoutError", "AbortError"].includes(error.name);
    await assert.rejects(ask({ baseUrl: `http://127.0.0.1:${port}` }), isConnectionError);
    const baseUrl = await serve((request) => request.socket.resetAndDestroy());
    await assert.rejects(ask({ baseUrl }), isConnectionError);
  });

  test("rejects when the answer ends before its length", async () => {
    const baseUrl = await serve((request, response) => {
      response.writeHead(200, { "content-length": "100" }).write('{"half":');
      setImmediate(() => request.socket.destroy());
    });
    await assert.rejects(ask({ baseUrl }), (error: Error) => error.name !== "TimeoutError");
    const short = (async () => new Response("{}", { headers: { "content-length": "100" } })) as typeof fetch;
    await assert.rejects(ask({ baseUrl: "http://h", fetch: short }), /ended after 2 of 100 bytes/);
  });

  test("rejects an answer over the cap, whether or not it says its length, and takes one of just the cap", async () => {
    const body = Buffer.alloc(100_001, "x");
    const baseUrl = await serve((request, response) => {
      if (request.headers["x-how"] === "length") response.writeHead(200, { "content-length": body.length });
      response.write(body.subarray(0, 50_000));
      response.end(body.subarray(50_000));
    });
    for (const how of ["length", "chunks"]) {
      const headers = { "x-how": how };
      const tooLarge = ask({ baseUrl, headers, maxResponseBytes: 100_000 });
      await assert.rejects(tooLarge, { name: "ResponseTooLargeError", message: /more than 100000 bytes/ });
      assert.equal((await ask({ baseUrl, headers, maxResponseBytes: 100_001 })).body.length, 100_001);
    }
  });

  test("reads a compressed answer, and joins one of many parts", async () => {
    const text = JSON.stringify({ text: "ü".repeat(50_000) });
    const packed: Record<string, Buffer> = {
      gzip: zlib.gzipSync(text),
      deflate: zlib.deflateSync(text),
      br: zlib.brotliCompressSync(text),
      "deflate, gzip": zlib.gzipSync(zlib.deflateSync(text)),
    };
    const baseUrl = await serve((request, response) => {
      const coding = String(request.headers["x-how"]);
      const body = packed[coding];
      if (body !== undefined) {
        response.writeHead(200, { "content-encoding": coding, "content-length": body.length }).end(body);
        return;
      }
      for (let at = 0; at < text.length; at += 5000) response.write(text.slice(at, at + 5000));
      response.end();
    });
    for (const how of [...Object.keys(packed), "parts"]) {
      assert.equal(textOf((await ask({ baseUrl, headers: { "x-how": how } })).body), text, how);
    }
    const small = ask({ baseUrl, headers: { "x-how": "gzip" }, maxResponseBytes: 50_000 });
    await assert.rejects(small, { name: "ResponseTooLargeError" }, "unpacked it is larger than what came");
  });

  test("sends by the fetch that the process has put in place of Node's, and by Node's again", async () => {
    const baseUrl = await serve((_, response) => response.end("{}"));
    const inference = fetchInference({ baseUrl });
    const before = globalThis.fetch;
    let seen = 0;
    globalThis.fetch = (input, init) => {
      seen++;
      return before(input, init);
    };
    try {
      assert.equal((await inference.infer(REQUEST, never())).status, 200);
    } finally {
      globalThis.fetch = before;
    }
    await inference.infer(REQUEST, never());
    assert.equal(seen, 1);
  });

  test("says what Retry-After says", async () => {
    const headers: Record<string, string>[] = [
      { "retry-after": "2" },
      { "retry-after": "1.5" },
      { "retry-after-ms": "250", "retry-after": "9" },
      { "retry-after-ms": "soon", "retry-after": "9" },
      { "retry-after": "later" },
      {},
    ];
    const found: unknown[] = [];
    for (const header of headers) {
      const baseUrl = await serve((_, response) => response.writeHead(429, header).end("{}"));
      found.push((await ask({ baseUrl })).retryAfterMs);
    }
    assert.deepEqual(found, [2000, 1500, 250, 9000, undefined, undefined]);
  });
});
