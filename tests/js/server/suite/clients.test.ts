/** Guards clients that people have: each drives a flow of its own, from file to result. */

import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { chatLines, createBatch, until } from "./batches.ts";
import { runPythonWith } from "./python/client.ts";
import { startServer } from "./server.ts";
import { completion, reply, startUpstream } from "./upstream.ts";

test("the first major version of openai-python drives the whole story", async () => {
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
  const out = await runPythonWith("openai-1", "story.py", `${server.url}/v1`, id);
  assert.equal(out.match(/^ok /gm)?.length, 11);
});

test("litellm and instructor make batches and read their results", async () => {
  const server = await startServer();
  after(() => server.stop());
  const out = await runPythonWith("others", "others.py", `${server.url}/v1`);
  assert.equal(out.match(/^ok /gm)?.length, 3);
});

test("curator asks for its rows in batches, and has an answer for each", async () => {
  const server = await startServer({ MAX_CONCURRENT_BATCHES: "3" });
  after(() => server.stop());
  const out = await runPythonWith("curator", "curator_rows.py", `${server.url}/v1`);
  assert.match(out, /^ok curator/m);
});

test("async-openai reads every answer into its types", async () => {
  const server = await startServer();
  after(() => server.stop());
  const root = resolve(import.meta.dirname, "../../../..");
  const crate = ["--manifest-path", resolve(root, "tests/clients/async-openai/Cargo.toml"), "--locked"];
  const args = ["run", "--quiet", ...crate, "--target-dir", resolve(root, "target/clients")];
  const { stdout } = await promisify(execFile)("cargo", [...args, "--", `${server.url}/v1`]);
  assert.equal(stdout.match(/^ok /gm)?.length, 3);
});
