/** Guards results that are read while a batch runs: by pages and as events, each line once, though the server is killed. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import type OpenAI from "openai";
import type { Batch } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, until } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { completion, reply, slowly, startUpstream } from "./upstream.ts";

interface Page {
  status: number;
  lines: string[];
  last: string;
  incomplete: boolean;
  body: string;
}

async function page(server: Started, id: string, query: Record<string, string> = {}): Promise<Page> {
  const parameters = new URLSearchParams(query);
  const response = await fetch(`${server.url}/v1/batches/${id}/results?${parameters}`);
  const body = await response.text();
  return {
    status: response.status,
    lines: body === "" ? [] : body.replace(/\n$/, "").split("\n"),
    last: response.headers.get("x-last-line") ?? "",
    incomplete: response.headers.get("x-incomplete") === "true",
    body,
  };
}

/** Reads pages until nothing more comes. A server that is away is asked again. */
async function follow(server: Started, id: string, seen: string[] = []): Promise<string[]> {
  let after = "";
  for (;;) {
    const found = await page(server, id, { after, limit: "37" }).catch(() => null);
    if (found?.status === 200) {
      seen.push(...found.lines);
      after = found.last;
      if (!found.incomplete) return seen;
    }
    if (!found?.lines.length) await new Promise((next) => setTimeout(next, 20));
  }
}

interface Event {
  event: string;
  id: string;
  data: string;
}

/** The events of one stream, until `enough` says so or it ends. */
async function events(
  server: Started,
  id: string,
  lastEventId: string,
  enough: (all: Event[]) => boolean = () => false,
): Promise<Event[]> {
  const control = new AbortController();
  const headers = { accept: "text/event-stream", ...(lastEventId && { "last-event-id": lastEventId }) };
  const { signal } = control;
  const response = await fetch(`${server.url}/v1/batches/${id}/results`, { headers, signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const all: Event[] = [];
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text.slice(0, end))?.[1] ?? "";
      all.push({ event: field("event"), id: field("id"), data: field("data") });
      text = text.slice(end + 2);
    }
    if (enough(all)) break;
  }
  control.abort();
  return all;
}

async function content(client: OpenAI, id: string | null | undefined): Promise<string[]> {
  if (!id) return [];
  const text = await (await client.files.content(id)).text();
  return text.trimEnd().split("\n");
}

const ownOf = (batch: OpenAI.Batch) => (batch as unknown as Batch).edgebatch;

test("each line is read once while the batch runs, though the server is killed, and after as before", async () => {
  let answered = 0;
  const upstream = await startUpstream(async ({ content }, response) => {
    await new Promise((next) => setTimeout(next, 15));
    answered++;
    const fails = Number(content.slice(7)) % 10 === 3;
    if (fails) reply(response, 400, { error: { message: "too long", code: "context_length_exceeded" } });
    else reply(response, 200, completion(content));
  });
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "6" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const { id } = await createBatch(client, chatLines(600));
  const seen: string[] = [];
  const following = follow(server, id, seen);
  await until("lines were read while it runs", () => seen.length > 30);
  assert.ok(answered < 600);
  await server.kill();
  await server.restart();
  await following;
  const batch = await ended(client, id);
  const files = [await content(client, batch.output_file_id), await content(client, batch.error_file_id)];
  assert.deepEqual([files[0]?.length, files[1]?.length], [540, 60]);
  assert.deepEqual([...seen].sort(), files.flat().sort());
  // As they came, for good.
  assert.deepEqual(await content(client, ownOf(batch)?.results_file_id), seen);
  const again = await follow(server, id);
  assert.deepEqual(again, seen);
  const all = await events(server, id, "");
  assert.deepEqual(
    all.filter(({ event }) => event === "result").map(({ data }) => data),
    seen,
  );
});

test("events come while the batch runs, and one that comes again goes on after the last", async () => {
  const upstream = await startUpstream(slowly(20));
  const server = await startServer({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "4" });
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const { id } = await createBatch(client, chatLines(300));
  const results = (all: Event[]) => all.filter(({ event }) => event === "result");
  const first = await events(server, id, "", (all) => results(all).length >= 20);
  const before = results(first);
  assert.notEqual((await client.batches.retrieve(id)).status, "completed");
  const rest = await events(server, id, before.at(-1)?.id ?? "");
  const lines = [...before, ...results(rest)].map(({ data }) => data);
  const batch = await ended(client, id);
  assert.deepEqual([...lines].sort(), (await content(client, batch.output_file_id)).sort());
  const kinds = new Set([...first, ...rest].map(({ event }) => event));
  assert.deepEqual([...kinds].filter((kind) => kind !== "").sort(), ["done", "progress", "result", "state"]);
  const end = rest.at(-1) as Event;
  assert.deepEqual([end.event, JSON.parse(end.data)], ["done", await client.batches.retrieve(id)]);
  const headers = { accept: "text/event-stream", "last-event-id": end.id };
  const over = await fetch(`${server.url}/v1/batches/${id}/results`, { headers });
  assert.equal(over.status, 204, "nothing to come again for");
});

test("where nobody asked before the end, results are read as the files have them, and no file is added", async () => {
  const server = await startServer();
  after(() => server.stop());
  const { client } = server;
  const { id } = await createBatch(client, chatLines(50));
  const batch = await ended(client, id);
  const all = await page(server, id);
  assert.deepEqual(all.lines, await content(client, batch.output_file_id));
  assert.equal(all.incomplete, false);
  assert.equal(ownOf(await client.batches.retrieve(id)), undefined);
  const first = await page(server, id, { limit: "20" });
  const second = await page(server, id, { after: first.last });
  assert.deepEqual([...first.lines, ...second.lines], all.lines);
  assert.deepEqual([first.incomplete, second.incomplete], [true, false]);
});

test("what cannot be read is refused by name, as events too", async () => {
  const server = await startServer({ ECHO_LATENCY_MS: "60000" });
  after(() => server.stop());
  const { id } = await createBatch(server.client, chatLines(3));
  for (const [query, status, param] of [
    [{ after: "request-1" }, 400, "after"],
    [{ after: "c17" }, 400, "after"],
    [{ limit: "0" }, 400, "limit"],
    [{ limit: "10001" }, 400, "limit"],
    [{ limit: "many" }, 400, "limit"],
  ] as const) {
    const refused = await page(server, id, query);
    const { error } = JSON.parse(refused.body);
    assert.deepEqual([refused.status, error.param, error.type], [status, param, "invalid_request_error"]);
  }
  const none = `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`;
  assert.equal((await page(server, none)).status, 404);
  const headers = { accept: "text/event-stream", "last-event-id": "request-1" };
  const refused = await fetch(`${server.url}/v1/batches/${id}/results`, { headers });
  assert.equal(refused.status, 400);
  const empty = await page(server, id);
  assert.deepEqual([empty.lines, empty.incomplete], [[], true]);
});
