/** Guards calls that are passed on: what goes to a model server, what comes back, and what neither side may see. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { app } from "../../../js/server/app.ts";
import { keysOf } from "../../../js/server/auth.ts";
import type { ModelServer, OnCall } from "../../../js/server/upstreams/types.ts";
import { ModelServers } from "../../../js/server/upstreams/upstreams.ts";
import { ports } from "./memory.ts";
import { ManualClock, settled } from "./model-servers.ts";
import { chat, KEY, SECRET, type Seen, server, setUp } from "./passing.ts";

test("a body goes through byte for byte, and so do status, type and answer", async () => {
  const odd = '{ "model":"m",\n"messages":[], "n": 1.0e0, "x":"\\u00e9é" }';
  for (const status of [200, 400, 404, 422, 429, 500, 503]) {
    const model = server(
      () => new Response('{"a": 1.0}\n', { status, headers: { "content-type": "x/y; z=1" } }),
    );
    const { post } = setUp([model]);
    const answer = await post(odd, { headers: { "content-type": "application/json" } });
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [status, "x/y; z=1"]);
    assert.equal(await answer.text(), '{"a": 1.0}\n');
    assert.deepEqual(
      model.seen.map(({ path, body }) => [path, body]),
      [["/v1/chat/completions", odd]],
    );
  }
});

test("all endpoints of the table are passed on, by POST alone", async () => {
  const model = server(({ path }) => new Response(path));
  const { post } = setUp([model]);
  for (const name of [
    ...["chat/completions", "completions", "embeddings", "responses", "moderations"],
    ...["images/generations", "images/edits", "videos"],
  ]) {
    assert.equal(await (await post(chat, {}, `/v1/${name}`)).text(), `/v1/${name}`);
  }
  assert.equal((await post(chat, {}, "/v1/audio/speech")).status, 404);
  assert.equal((await post(chat, { method: "PUT" })).status, 405);
});

test("the caller's key and what else says who it is do not reach the model server; what is of the call does", async () => {
  const model = server(() => new Response("{}"));
  const { post } = setUp([model]);
  const kept = {
    ...{ "content-type": "application/json", accept: "a/b", "user-agent": "me/1", "openai-beta": "x=1" },
    ...{ "idempotency-key": "abc", traceparent: "00-1-2-3", "x-session-id": "7", "x-stainless-lang": "js" },
  };
  await post(JSON.stringify(chat), {
    headers: {
      ...kept,
      ...{
        cookie: "a=b",
        "x-api-key": KEY,
        "api-key": KEY,
        "openai-organization": "org",
        origin: "https://x",
      },
      ...{ "x-forwarded-for": "10.0.0.1", "cf-connecting-ip": "10.0.0.1", "sec-fetch-mode": "cors" },
      ...{ connection: "keep-alive, x-of-connection", "x-of-connection": "1", te: "trailers" },
      "accept-encoding": "gzip",
    },
  });
  const sent = Object.fromEntries(model.seen[0]?.init.headers ?? []);
  assert.deepEqual(sent, { ...kept, "accept-encoding": "identity" });
});

test("of an answer's headers those of its connection, its origin and its key stay behind, and the others come", async () => {
  const model = server(() => {
    const headers = new Headers({
      ...{ "x-request-id": "req_theirs", "retry-after": "7", "x-ratelimit-remaining-tokens": "5" },
      ...{ "openai-processing-ms": "12", "openai-model": "m-1", "content-length": "2" },
      ...{
        "access-control-allow-origin": "https://elsewhere",
        "www-authenticate": "Bearer",
        server: "uvicorn",
      },
      ...{ connection: "close", "keep-alive": "timeout=5", "x-leak": `Bearer ${SECRET}` },
    });
    headers.append("set-cookie", "a=b");
    return new Response("{}", { status: 429, headers });
  });
  const { post } = setUp([model]);
  const answer = await post(chat);
  const headers = Object.fromEntries(answer.headers);
  assert.equal(headers["x-request-id"], "req_theirs");
  assert.equal(headers["retry-after"], "7");
  assert.equal(headers["x-ratelimit-remaining-tokens"], "5");
  assert.equal(headers["openai-processing-ms"], "12");
  assert.equal(headers["content-length"], "2");
  assert.equal(headers["access-control-allow-origin"], "*");
  for (const name of ["set-cookie", "www-authenticate", "connection", "keep-alive", "x-leak"]) {
    assert.equal(headers[name], undefined, name);
  }
});

test("an answer without an id gets one of this server's", async () => {
  const { post } = setUp([server(() => new Response("{}"))]);
  assert.match((await post(chat)).headers.get("x-request-id") ?? "", /^req_[0-9a-f]{32}$/);
});

test("a stream comes piece by piece, as it is sent, and nothing is read ahead of the reader", async () => {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  let pulled = 0;
  const model = server(() => {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          source = controller;
        },
        pull: () => {
          pulled += 1;
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const { post, upstreams } = setUp([model]);
  const answer = await post({ ...chat, stream: true });
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  assert.equal(pulled, 0);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  for (const piece of ["data: {}\n\n", ": a comment\n\n", "data: [DONE]\n\n"]) {
    const next = reader.read();
    await settled();
    source?.enqueue(new TextEncoder().encode(piece));
    assert.equal(new TextDecoder().decode((await next).value), piece);
  }
  assert.equal(upstreams.stats.servers()[0]?.inFlight.interactive, 1);
  const end = reader.read();
  await settled();
  source?.close();
  assert.equal((await end).done, true);
  assert.equal(upstreams.stats.servers()[0]?.inFlight.interactive, 0);
});

test("a caller that goes, before the answer or in the middle of it, ends the call to the model server", async () => {
  const model = server(({ init }) => {
    if (model.seen.length === 1) {
      return new Promise((_, reject) =>
        init.signal.addEventListener("abort", () => reject(init.signal.reason)),
      );
    }
    return new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1)) }));
  });
  const { post, upstreams } = setUp([model]);
  const control = new AbortController();
  const gone = post(chat, { signal: control.signal });
  while (model.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  control.abort();
  await gone;
  const answer = await post(chat);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.cancel();
  assert.ok(model.seen.every(({ init }) => init.signal.aborted));
  const [stats] = upstreams.stats.servers();
  assert.deepEqual([stats?.inFlight.interactive, stats?.outcomes.interactive.get("aborted")], [0, 1]);
});

test("a model server that cannot be reached is a 502 in OpenAI's shape, with an id and without its address or key", async (t) => {
  let logged = "";
  t.mock.method(console, "warn", (line: string) => {
    logged += line;
  });
  const model = server(() => {
    throw new TypeError("fetch failed", { cause: new Error(`connect ECONNREFUSED 10.1.2.3 ${SECRET}`) });
  });
  const { post } = setUp([model]);
  const answer = await post(chat);
  assert.equal(answer.status, 502);
  assert.ok(answer.headers.get("x-request-id"));
  const text = await answer.text();
  const { error } = JSON.parse(text);
  assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
  assert.equal(error.type, "server_error");
  assert.ok(!text.includes("10.1.2.3") && !text.includes(SECRET));
  assert.match(logged, /upstream\.failed.*fetch failed: connect ECONNREFUSED 10\.1\.2\.3 \*\*\*/);
});

test("one that gives no answer in time is a 504, and one whose stream stops for so long is cut off", async () => {
  const clock = new ManualClock();
  const silent = server(
    ({ init }) =>
      new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason))),
    { timeoutMs: 1_000 },
  );
  const late = setUp([silent], { clock }).post(chat);
  while (silent.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await clock.pass(1_000);
  assert.equal((await late).status, 504);

  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stalling = server(
    ({ init }) =>
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller) {
            source = controller;
            init.signal.addEventListener("abort", () => controller.error(init.signal.reason));
          },
        }),
      ),
    { timeoutMs: 1_000 },
  );
  const answer = await setUp([stalling], { clock }).post(chat);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  for (let i = 0; i < 5; i++) {
    await clock.pass(900);
    source?.enqueue(new Uint8Array(1));
    assert.equal((await reader.read()).done, false);
  }
  const stalled = assert.rejects(reader.read());
  await clock.pass(1_000);
  await stalled;
});

test("a model server that refuses this server's key, or redirects, is no answer for a caller", async () => {
  for (const [status, headers] of [
    [401, { "www-authenticate": "Bearer" }],
    [307, { location: `http://10.1.2.3/?key=${SECRET}` }],
  ] as const) {
    const { post } = setUp([server(() => new Response(SECRET, { status, headers }))]);
    const answer = await post(chat);
    assert.deepEqual([answer.status, answer.headers.get("location")], [502, null]);
    assert.ok(!(await answer.text()).includes(SECRET));
  }
});

test("an error that tells the model server's key tells it no more", async () => {
  for (const shared of [true, false]) {
    const text = `{"error":{"message":"Your key ${SECRET} is new"}}`;
    const { post } = setUp([server(() => new Response(text, { status: 403 }))], { shared });
    const answer = await post(chat);
    assert.deepEqual([answer.status, await answer.text()], [403, text.replace(SECRET, "***")]);
  }
});

test("a body larger than a line of a batch may be is refused, whether or not it says so before", async () => {
  const model = server(() => new Response("{}"));
  for (const servers of [[model], [model, { ...model, name: "b" }]]) {
    const { post, upstreams } = setUp(servers);
    const large = `{"model":"m","x":"${"x".repeat(8 * 1024 * 1024)}"}`;
    const streamed = () => new Blob([large]).stream();
    for (const body of [large, streamed()]) {
      const answer = await post(body, { headers: { "content-type": "application/json" } });
      assert.equal(answer.status, 413);
    }
    // That is no fault of the server's.
    assert.equal(upstreams.stats.servers()[0]?.outcomes.interactive.get("unreachable"), undefined);
  }
  const { post } = setUp([model]);
  let pulled = 0;
  const endless = new ReadableStream(
    {
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1));
      },
    },
    { highWaterMark: 0 },
  );
  assert.equal((await post(endless, { headers: { "content-length": "9000000" } })).status, 413);
  assert.equal(pulled, 0);
  const form = new FormData();
  form.set("image", new File([new Uint8Array(9 * 1024 * 1024)], "a.png"));
  assert.equal((await post(form, {}, "/v1/images/edits")).status, 200);
});

test("a large body to the only server is a stream; a small one has its length", async () => {
  const model = server(() => new Response("{}"));
  const { post } = setUp([model]);
  await post(JSON.stringify(chat), { headers: { "content-length": "60" } });
  await post(new Blob(["x".repeat(2_000_000)]).stream());
  const kinds = model.seen.map(({ init }) => init.body instanceof Uint8Array);
  assert.deepEqual(kinds, [true, false]);
});

test("of several servers the one that has the model is called; models that none has are refused as OpenAI does", async () => {
  const [a, b] = ["a", "b"].map((name) =>
    server(() => new Response(name), { name, models: [`of-${name}`] }),
  ) as [ModelServer & { seen: Seen[] }, ModelServer];
  const { post } = setUp([a, b]);
  const deep = { messages: [{ content: '"model":"of-a"', model: "of-a" }], model: "of-b" };
  assert.equal(await (await post(deep)).text(), "b");
  const form = new FormData();
  form.set("model", "of-b");
  form.set("image", new File(["x"], "a.png"));
  assert.equal(await (await post(form, {}, "/v1/images/edits")).text(), "b");
  const answer = await post({ ...chat, model: "none" });
  assert.equal(answer.status, 404);
  assert.deepEqual((await answer.json()).error, {
    message: "The model `none` does not exist or you do not have access to it.",
    ...{ type: "invalid_request_error", param: null, code: "model_not_found" },
  });
  assert.equal(a.seen.length, 0);
});

test("where the model must be known, a body that does not say it is refused, or goes to the default of its endpoint", async () => {
  const servers = ["a", "b"].map((name) => server(() => new Response(name), { name, models: [name] }));
  const { post } = setUp(servers);
  for (const body of ["no JSON", "[]", '{"model":7}', '{"messages":[]}']) {
    assert.equal((await post(body, { headers: { "content-type": "application/json" } })).status, 400, body);
  }
  assert.equal((await post({ input: "x" }, {}, "/v1/moderations")).status, 200);
});

test("where models are named, calls for others are refused", async () => {
  const model = server(() => new Response("{}"));
  const { post } = setUp([model], { models: ["m"] });
  assert.deepEqual([(await post(chat)).status, (await post({ ...chat, model: "n" })).status], [200, 404]);
  assert.equal(model.seen.length, 1);
});

test("a key for some models sees and calls those alone, though the only server takes any", async () => {
  const owner = { name: "alice", sha256: createHash("sha256").update(KEY).digest("hex"), models: ["m"] };
  const ring = { ...keysOf([owner]), allowsAnonymous: false, advice: "", adviceForPages: "" };
  const model = server(({ init }) =>
    init.method === "POST" ? new Response("{}") : Response.json({ data: [{ id: "m" }, { id: "n" }] }),
  );
  const upstreams = new ModelServers({ servers: [model] });
  const here = ports({ keys: ring, upstreams });
  const { post } = setUp([], {}, { keys: ring, upstreams });
  const get = async (path: string) => {
    const headers = { authorization: `Bearer ${KEY}` };
    return app.fetch(new Request(`https://edgebatch.example/v1/models${path}`, { headers }), here);
  };
  const { data } = await (await get("")).json();
  assert.deepEqual(
    data.map(({ id }: { id: string }) => id),
    ["m"],
  );
  assert.deepEqual([(await get("/m")).status, (await get("/n")).status], [200, 404]);
  const answers = await Promise.all([post(chat), post({ ...chat, model: "n" })]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 404],
  );
  // Whatever the server would take where no model is named may be another.
  assert.equal((await post({ input: "x" }, {}, "/v1/moderations")).status, 400);
});

test("whoever watches calls may add headers, and is told how they ended", async () => {
  const told: unknown[] = [];
  const onCall: OnCall = ({ kind, server, path, tenant, headers }) => {
    told.push([kind, server, path, tenant, headers?.get("traceparent")]);
    return { headers: { traceparent: "00-new" }, ended: (end) => told.push(end) };
  };
  const model = server(() => new Response("{}", { status: 201 }));
  const { post } = setUp([model], { onCall });
  await post(chat, { headers: { traceparent: "00-old" } });
  assert.deepEqual(told, [["interactive", "a", "/v1/chat/completions", "alice", "00-old"], 201]);
  assert.equal(model.seen[0]?.init.headers.get("traceparent"), "00-new");
});

test("the embedded model answers at once, and streams chats", async () => {
  const here = ports();
  const post = async (body: object, path = "/v1/chat/completions") => {
    const init = { method: "POST", body: JSON.stringify(body) };
    return app.fetch(new Request(`http://localhost${path}`, init), here);
  };
  const asked = { ...chat, model: "echo-1" };
  assert.equal((await (await post(asked)).json()).choices[0].message.content, "hello");
  const answer = await post({ ...asked, stream: true, stream_options: { include_usage: true } });
  assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
  const events = (await answer.text()).trim().split("\n\n");
  assert.equal(events.pop(), "data: [DONE]");
  const chunks = events.map((event) => JSON.parse(event.replace("data: ", "")));
  assert.deepEqual(chunks[0].choices[0].delta, { role: "assistant", content: "hello" });
  assert.deepEqual([chunks[1].choices, typeof chunks[1].usage.total_tokens], [[], "number"]);
  assert.equal((await post({ ...asked, messages: "x", stream: true })).status, 400);
  assert.equal((await post({ model: "echo-1", prompt: "x", stream: true }, "/v1/completions")).status, 400);
});
