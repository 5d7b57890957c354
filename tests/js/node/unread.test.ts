/** Guards answers to uploads that are refused before they are read: the client gets them, and keeps its connection. */

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { listen } from "../../../js/node/serve/http.ts";
import { whileSent } from "../../../js/node/serve/unread.ts";
import { until } from "../worker/server.ts";

const refusal = () => Response.json({ error: "no" }, { status: 429 });

/** A connection to a server that refuses every upload without a look at it. */
async function connected(): Promise<{ socket: Socket; received: () => string }> {
  const answer = async (request: Request) =>
    request.method === "POST" ? whileSent(request, refusal()) : new Response("well");
  const server = await listen(answer, "127.0.0.1", 0);
  const socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk) => {
    text += chunk;
  });
  after(async () => {
    socket.destroy();
    await server.stop();
  });
  return { socket, received: () => text };
}

test("the answer comes while the body is still sent, all of which is taken, and then the next call is answered", async () => {
  const { socket, received } = await connected();
  const [pieces, piece] = [100, Buffer.alloc(1_000_000)];
  const length = pieces * piece.length;
  socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`);
  await until("it is refused", () => received().endsWith('{"error":"no"}'));
  assert.match(received(), /^HTTP\/1\.1 429 .*\r\ncontent-length: 14\r\n/is);
  // For longer, and more, than is taken of a body that nobody reads: half a second, 64 MiB.
  const started = Date.now();
  for (let i = 0; i < pieces; i++) {
    await until("its turn has come", () => Date.now() - started >= 10 * i);
    if (!socket.write(piece)) await until("it is taken", () => socket.writableLength === 0);
    assert.equal(socket.destroyed, false, `it was cut off after ${i} pieces`);
  }
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until("the next call is answered", () => received().endsWith("well"));
});

test("a client that goes away in the middle of its body ends that alone", async () => {
  const { socket, received } = await connected();
  socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nsome");
  await until("it is refused", () => received().endsWith('{"error":"no"}'));
  socket.destroy();
  await once(socket, "close");
});

test("an answer to a body that was read, or that there is none of, goes out as it is", async () => {
  const url = "http://localhost/";
  const post = () => new Request(url, { method: "POST", body: "text" });
  const read = post();
  await read.text();
  for (const request of [read, new Request(url), new Request(url, { method: "POST" })]) {
    const answer = refusal();
    assert.equal(await whileSent(request, answer), answer);
  }
  const good = new Response("good");
  assert.equal(await whileSent(post(), good), good);
});
