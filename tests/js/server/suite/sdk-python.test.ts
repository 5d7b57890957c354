/** Guards openai-python: the official client drives the whole story, from upload to download. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { chatLines, createBatch, until } from "./batches.ts";
import { runPython } from "./python/client.ts";
import { startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

test("openai-python drives the whole story", async (t) => {
  const upstream = await startUpstream(async ({ content }, response) => {
    if (content.startsWith("held")) await until("it is cancelled", () => response.destroyed);
    else reply(response, 200, completion(content));
  });
  const settings = { MODELS: "echo-1", MAX_CONCURRENT_BATCHES: "3" };
  const server = await startServer({ UPSTREAM_URL: upstream.url, ...settings });
  after(async () => {
    await server.stop();
    await upstream.close();
  });
  const { id } = await createBatch(server.client, chatLines(3).replaceAll("number", "held"));
  await until("a batch is held", () => upstream.inFlight > 0);
  const out = await runPython("story.py", `${server.url}/v1`, id);
  for (const line of out.trim().split("\n")) t.diagnostic(line);
  assert.equal(out.match(/^ok /gm)?.length, 11);
});

test("openai-python reads every answer of echo-1 and every object as strictly as its types are", async () => {
  const server = await startServer();
  after(() => server.stop());
  const out = await runPython("answers.py", `${server.url}/v1`);
  assert.equal(out.match(/^ok /gm)?.length, 7);
});
