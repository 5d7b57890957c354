/** Guards everybody's memory: a reader that stops reading, or goes away, costs the same however large its file is. */

import { strict as assert } from "node:assert";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { until } from "./batches.ts";
import { startServer } from "./server.ts";

const MB = 1024 * 1024;
const FILE = 96 * MB;
const READERS = 6;
/** A sixth of a file for each reader. */
const ALLOWED = (READERS * FILE) / 6;

/** Asks for a file, takes the beginning of the answer and no more. */
async function stalled(url: string, id: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET /v1/files/${id}/content HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await new Promise((next) => socket.once("readable", next));
  return socket;
}

test("readers that stop reading hold little, and others are answered meanwhile", async (t) => {
  const server = await startServer();
  after(() => server.stop());
  const { client } = server;
  const params = { filename: "a.txt", purpose: "evals", bytes: FILE, mime_type: "text/plain" } as const;
  const { id } = await client.uploads.create(params);
  const part_ids: string[] = [];
  for (let at = 0; at < FILE; at += 32 * MB) {
    const data = new File([Buffer.alloc(32 * MB, 97)], "part");
    part_ids.push((await client.uploads.parts.create(id, { data })).id);
  }
  const file = (await client.uploads.complete(id, { part_ids })).file?.id as string;

  const before = (await server.memory()).now;
  const readers = await Promise.all(Array.from({ length: READERS }, () => stalled(server.url, file)));
  // Until nothing more goes into them.
  let last = -1;
  await until("the readers are full", async () => {
    const { now } = await server.memory();
    const level = last >= 0 && Math.abs(now - last) < MB;
    last = now;
    for (let i = 0; i < 20; i++) await client.files.retrieve(file);
    return level;
  });
  const grown = (await server.memory()).now - before;
  t.diagnostic(`${READERS} readers hold ${Math.round(grown / MB)} MB`);
  assert.ok(grown < ALLOWED, `${Math.round(grown / MB)} MB`);
  for (const reader of readers) reader.destroy();

  const headers = { "accept-encoding": "identity" };
  const whole = await fetch(`${server.url}/v1/files/${file}/content`, { headers });
  assert.equal(whole.headers.get("content-length"), String(FILE));
  let bytes = 0;
  for await (const chunk of whole.body as ReadableStream<Uint8Array>) bytes += chunk.length;
  assert.equal(bytes, FILE);
});
