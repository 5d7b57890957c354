/** Guards that a file with the requests of several runs as one batch, whoever is killed meanwhile. */

import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import type OpenAI from "openai";
import { BadRequestError } from "openai";
import type { Batch } from "../../../../js/core/types.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./batches.ts";
import { type Started, startServer } from "./server.ts";
import { completion, reply, startUpstream, type Upstream } from "./upstream.ts";
import { wire } from "./wire.ts";

let server: Started;
let upstream: Upstream;
let asked = 0;
before(async () => {
  upstream = await startUpstream(async ({ content }, response) => {
    await new Promise((next) => setTimeout(next, 20));
    if (response.destroyed) return;
    asked += 1;
    reply(response, 200, completion(content));
  });
  server = await startServer({ UPSTREAM_URL: upstream.url, MAX_REQUESTS: "100", MAX_PARTS: "3" });
});
after(async () => Promise.all([server.stop(), upstream.close()]));

const { call } = wire(() => server.url);
/** As SDKs send what they do not know. */
const asking = (split: unknown) => ({ edgebatch: { split } }) as Partial<OpenAI.BatchCreateParams>;

test("parts run as one batch, with one output in the order of the input, though the server is killed", async () => {
  const { client } = server;
  const { id } = await createBatch(client, chatLines(250), asking(true));
  await until("some of it ran", () => asked > 40);
  await server.kill();
  await server.restart();
  const batch = await ended(client, id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 250, completed: 250, failed: 0 });
  assert.deepEqual((batch as unknown as Batch).edgebatch, { split: true, parts: 3 });
  const lines = await linesOf(client, batch.output_file_id);
  assert.deepEqual(
    lines.map(({ custom_id }) => custom_id),
    Array.from({ length: 250 }, (_, i) => `request-${i}`),
  );
  assert.equal(batch.error_file_id ?? null, null);
});

test("a file of more parts than there may be fails, and so does one whose batch does not ask for them", async () => {
  const { client } = server;
  for (const [split, count, most] of [
    [true, 301, /300/],
    [false, 101, /100/],
  ] as const) {
    const { status, errors } = await ended(
      client,
      (await createBatch(client, chatLines(count), asking(split))).id,
    );
    assert.equal(status, "failed");
    assert.equal(errors?.data?.[0]?.code, "too_many_tasks");
    assert.match(errors?.data?.[0]?.message ?? "", most);
  }
});

test("a check without a batch tells what one would say that splits the file, of a stored file and of a body", async () => {
  const form = new FormData();
  form.append("purpose", "batch");
  form.append("file", new Blob([chatLines(250)]), "in.jsonl");
  const { id } = (await call("POST", "/v1/files", form)).body;
  const endpoint = "/v1/chat/completions";
  const stored = (edgebatch?: unknown) =>
    call("POST", "/v1/batches/validate", {
      input_file_id: id,
      endpoint,
      ...(edgebatch !== undefined && { edgebatch }),
    });
  const body = (query: string) =>
    fetch(`${server.url}/v1/batches/validate${query}`, {
      method: "POST",
      headers: { "content-type": "application/jsonl" },
      body: chatLines(250),
    });
  assert.equal((await stored()).body.valid, false);
  assert.equal((await stored({ split: false })).body.valid, false);
  assert.equal((await stored({ split: true })).body.valid, true);
  for (const [own, param] of [
    [{ split: 1 }, "edgebatch.split"],
    ["yes", "edgebatch"],
    [{ dedupe: true }, "edgebatch.dedupe"],
  ] as const) {
    const { status, body } = await stored(own);
    assert.deepEqual([status, body.error.param], [400, param]);
  }
  assert.equal((await (await body("")).json()).valid, false);
  assert.equal((await (await body("?split=true")).json()).valid, true);
  const refused = await body("?split=yes");
  assert.deepEqual([refused.status, (await refused.json()).error.param], [400, "split"]);
});

test("a value that is no boolean is refused by name, and where nothing is split so is the wish", async () => {
  const never = await startServer({ MAX_PARTS: "1" });
  after(() => never.stop());
  for (const [client, split, code] of [
    [server.client, "yes", "invalid_type"],
    [never.client, true, "invalid_value"],
  ] as const) {
    const refused = await createBatch(client, chatLines(2), asking(split)).then(
      () => null,
      (error: unknown) => error,
    );
    assert.ok(refused instanceof BadRequestError);
    assert.deepEqual([refused.param, refused.code], ["edgebatch.split", code]);
  }
});
