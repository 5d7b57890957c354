import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, REQUEST, serve, textOf } from "./model-server.ts";

describe("fetchInference, sent elsewhere,", () => {
  test("follows a 307 and a 308 within the server, with the body and the key", async () => {
    for (const status of [307, 308]) {
      const seen: unknown[] = [];
      const baseUrl = await serve((request, response, body) => {
        seen.push([request.method, request.url, request.headers.authorization, body.length]);
        if (request.url === "/new/chat") response.end('{"ok":1}');
        else response.writeHead(status, { location: "/new/chat" }).end("moved");
      });
      const answer = await ask({ baseUrl, apiKey: "sk-1" });
      assert.deepEqual([answer.status, textOf(answer.body)], [200, '{"ok":1}']);
      assert.deepEqual(seen, [
        ["POST", "/v1/chat/completions", "Bearer sk-1", REQUEST.body.length],
        ["POST", "/new/chat", "Bearer sk-1", REQUEST.body.length],
      ]);
    }
  });

  test("follows from http to https of the same host, and never back", async () => {
    const asked: string[] = [];
    const from = (location: string) =>
      (async (input: URL) => {
        asked.push(input.href);
        return asked.length === 1
          ? new Response(null, { status: 308, headers: { location } })
          : new Response("{}");
      }) as unknown as typeof fetch;
    await ask({ baseUrl: "http://h.test", fetch: from("https://h.test/v1/chat/completions") });
    assert.deepEqual(asked, ["http://h.test/v1/chat/completions", "https://h.test/v1/chat/completions"]);
    asked.length = 0;
    const back = ask({ baseUrl: "https://h.test", fetch: from("http://h.test/v1/chat/completions") });
    await assert.rejects(back, { name: "RedirectError" });
    assert.equal(asked.length, 1);
  });

  test("rejects every other redirect, naming where it leads, and asks nobody there", async () => {
    let visited = false;
    const other = await serve((_, response) => {
      visited = true;
      response.end("{}");
    });
    for (const [status, location] of [
      [301, "/elsewhere"],
      [302, "/elsewhere"],
      [303, "/elsewhere"],
      [307, `${other}/v1/x`],
      [308, `${other}/v1/x`],
      [308, "http://me:secret@127.0.0.1/"],
      [308, "http://"],
    ] as const) {
      const baseUrl = await serve((_, response) => response.writeHead(status, { location }).end("moved"));
      await assert.rejects(ask({ baseUrl, apiKey: "sk-1" }), (error: Error) => {
        assert.equal(error.name, "RedirectError");
        assert.match(
          error.message,
          new RegExp(`answered ${status}, a redirect to .*${location.slice(0, 9)}`),
        );
        return true;
      });
    }
    assert.equal(visited, false);
  });

  test("rejects a redirect in a circle after a few rounds", async () => {
    let count = 0;
    const baseUrl = await serve((request, response) => {
      count++;
      response.writeHead(307, { location: request.url }).end();
    });
    await assert.rejects(ask({ baseUrl }), { name: "RedirectError" });
    assert.equal(count, 6);
  });

  test("rejects a redirect that the runtime hides, as browsers do", async () => {
    const hidden = { type: "opaqueredirect", status: 0, headers: new Headers(), body: null } as Response;
    const answer = ask({ baseUrl: "http://h", fetch: (async () => hidden) as typeof fetch });
    await assert.rejects(answer, /answered with a redirect/);
  });

  test("sends nothing to where a redirect leads once it was told to stop", async () => {
    const control = new AbortController();
    let asked = 0;
    const deaf = (async () => {
      asked++;
      control.abort();
      return new Response(null, { status: 307, headers: { location: "/elsewhere" } });
    }) as typeof fetch;
    await assert.rejects(ask({ baseUrl: "http://h", fetch: deaf }, control.signal), { name: "AbortError" });
    await new Promise((next) => setImmediate(next));
    assert.equal(asked, 1);
  });
});
