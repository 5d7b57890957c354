/** Guards one base URL over a real server: what a client gets through it is what it gets from the model server itself. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import OpenAI, { APIError, NotFoundError } from "openai";
import { freePort, until } from "./batches.ts";
import { type Started, startServer } from "./server.ts";

const SECRET = "key-of-the-model-server";
const KEY = "key-of-alice";
const entry = `alice:${createHash("sha256").update(KEY).digest("hex")}`;

/** The path and headers of each call; whether it ended before its answer was whole. */
const calls: { path: string; headers: IncomingMessage["headers"]; cutOff: boolean }[] = [];
let send: (() => void) | undefined;

const chunk = (content: string) => {
  const choices = [{ index: 0, delta: { content }, finish_reason: null }];
  return `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`;
};

/** Answers as model servers do, with what they add to OpenAI's API. */
async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const call = { path: incoming.url ?? "", headers: incoming.headers, cutOff: false };
  calls.push(call);
  response.on("close", () => {
    call.cutOff = !response.writableFinished;
  });
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  const headers = { "x-request-id": "req_of_the_model_server", "x-ratelimit-limit-tokens": "99" };
  const json = { ...headers, "content-type": "application/json; charset=utf-8" };
  if (incoming.method === "GET") {
    const data = [{ id: "org/m", object: "model", created: 7, owned_by: "vllm", max_model_len: 4096 }];
    return void response.writeHead(200, json).end(JSON.stringify({ object: "list", data }));
  }
  if (text.includes("fail")) {
    const error = { message: `no, says ${SECRET}`, type: "overloaded_error", param: null, code: "busy" };
    return void response.writeHead(429, { ...json, "retry-after": "3" }).end(JSON.stringify({ error }));
  }
  if (!text.includes('"stream":true')) {
    const choices = [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }];
    // Spelt as it is: what comes back is bytes, and no object.
    const body = `{ "id": "x", "object": "chat.completion", "created": 1.0, "model": "m",\n "choices": ${JSON.stringify(choices)} }`;
    return void response.writeHead(200, json).end(body);
  }
  response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
  response.write(`: hello\n\n${chunk("one ")}`);
  await new Promise<void>((resolve) => {
    send = resolve;
    response.on("close", resolve);
  });
  response.end(`${chunk("two")}data: [DONE]\n\n`);
}

const upstream = createServer((incoming, response) => void answer(incoming, response));
let direct: string;
let server: Started;

before(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  direct = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  server = await startServer({ UPSTREAM_URL: `${direct}/v1`, UPSTREAM_KEY: SECRET, API_KEYS: entry }, KEY);
});
after(async () => {
  await server.stop();
  upstream.close();
  upstream.closeAllConnections();
});

const lastCall = () => calls.at(-1) as (typeof calls)[number];

/** A call without a client, and its answer as it came over the wire. */
function raw(base: string, body: string): Promise<{ status: number; headers: string[]; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    const call = request(`${base}/v1/chat/completions`, { method: "POST", headers }, async (answer) => {
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.rawHeaders,
        bytes: Buffer.concat(parts),
      });
    });
    call.on("error", reject);
    call.end(body);
  });
}

test("the bytes of answers and errors are those of a direct call, but for the key that an error tells", async () => {
  const plain = '{"model":"m",  "messages":[{"role":"user","content":"h\\u00e9 é"}]}';
  const [there, here] = [await raw(direct, plain), await raw(server.url, plain)];
  assert.deepEqual([here.status, here.bytes.toString()], [there.status, there.bytes.toString()]);
  const failing = '{"model":"m","messages":[{"role":"user","content":"fail"}]}';
  const [refused, passed] = [await raw(direct, failing), await raw(server.url, failing)];
  assert.equal(passed.status, 429);
  assert.equal(passed.bytes.toString(), refused.bytes.toString().replace(SECRET, "***"));
  const headerOf = (headers: string[], name: string) =>
    headers.find((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);
  for (const name of ["content-type", "x-request-id", "x-ratelimit-limit-tokens", "retry-after"]) {
    assert.equal(headerOf(passed.headers, name), headerOf(refused.headers, name), name);
  }
});

test("openai-node gets the same completion and the same stream as from the model server itself", async () => {
  const here = server.client;
  const clients = [new OpenAI({ baseURL: `${direct}/v1`, apiKey: SECRET, maxRetries: 0 }), here];
  const messages = [{ role: "user" as const, content: "hello" }];
  const [plain, passed] = await Promise.all(
    clients.map((client) => client.chat.completions.create({ model: "m", messages })),
  );
  assert.deepEqual(passed, plain);
  const streamed: string[][] = [];
  for (const client of clients) {
    const stream = await client.chat.completions.create({ model: "m", messages, stream: true });
    const seen: string[] = [];
    for await (const part of stream) {
      seen.push(part.choices[0]?.delta.content ?? "");
      // The rest is sent only now: nothing waits for a whole answer.
      send?.();
    }
    streamed.push(seen);
  }
  assert.deepEqual(streamed, [
    ["one ", "two"],
    ["one ", "two"],
  ]);
  assert.equal(lastCall().headers.authorization, `Bearer ${SECRET}`);
  const failing = [{ role: "user" as const, content: "fail" }];
  await assert.rejects(here.chat.completions.create({ model: "m", messages: failing }), {
    ...{ status: 429, code: "busy", requestID: "req_of_the_model_server" },
  });
});

test("a client that stops reading a stream ends the call at the model server", async () => {
  const messages = [{ role: "user" as const, content: "hello" }];
  const stream = await server.client.chat.completions.create({ model: "m", messages, stream: true });
  for await (const _ of stream) break;
  stream.controller.abort();
  await until("the call has been cut off", () => lastCall().cutOff);
});

test("/v1/models says what the model server says, and who has no key is told nothing", async () => {
  const [first] = (await server.client.models.list()).data;
  assert.deepEqual(
    { ...first },
    { id: "org/m", object: "model", created: 7, owned_by: "vllm", max_model_len: 4096 },
  );
  assert.equal((await server.client.models.retrieve("org/m")).id, "org/m");
  await assert.rejects(server.client.models.retrieve("none"), NotFoundError);
  const before = calls.length;
  const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: "{}" });
  assert.equal(answer.status, 401);
  assert.equal(calls.length, before);
});

test("a model server that is not there is a 502 that clients understand", async () => {
  const alone = await startServer({ UPSTREAM_URL: `http://127.0.0.1:${await freePort()}/v1` });
  after(() => alone.stop());
  const messages = [{ role: "user" as const, content: "hello" }];
  const failed = alone.client.chat.completions.create({ model: "m", messages });
  await assert.rejects(failed, (error) => {
    assert.ok(error instanceof APIError);
    assert.equal(error.status, 502);
    assert.match(error.requestID ?? "", /^req_/);
    return true;
  });
});

test("without a model server the embedded model answers, streams chats, and is listed", async () => {
  const alone = await startServer();
  after(() => alone.stop());
  const { client } = alone;
  const asked = { model: "echo-1", messages: [{ role: "user" as const, content: "hello there" }] };
  const answer = await client.chat.completions.create(asked);
  assert.equal(answer.choices[0]?.message.content, "hello there");
  let streamed = "";
  for await (const part of await client.chat.completions.create({ ...asked, stream: true })) {
    streamed += part.choices[0]?.delta.content ?? "";
  }
  assert.equal(streamed, "hello there");
  assert.deepEqual(
    (await client.models.list()).data.map(({ id }) => id),
    ["echo-1"],
  );
  await assert.rejects(client.chat.completions.create({ ...asked, model: "gpt-9" }), {
    ...{ status: 404, code: "model_not_found" },
  });
});
