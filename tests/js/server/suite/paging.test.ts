/** Guards long lists: both official clients page through 250 batches and 250 files, and see each once. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { chatLines, createBatch, until } from "./batches.ts";
import { runPython } from "./python/client.ts";
import { startServer } from "./server.ts";
import { startUpstream } from "./upstream.ts";

test("both clients page through 250 batches and 250 files, each once", async () => {
  const upstream = await startUpstream((_, response) => until("it is over", () => response.destroyed));
  const server = await startServer({ UPSTREAM_URL: upstream.url });
  after(async () => {
    await server.stop();
    await upstream.close();
  });
  const { client } = server;
  // The first one runs and does not end, so that all others wait.
  const first = await createBatch(client, chatLines(1));
  const files: string[] = [];
  const batches = [first.id];
  const params = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  for (let at = 0; at < 250; at += 25) {
    const some = Array.from({ length: 25 }, (_, i) => at + i);
    const file = (i: number) => new File([`${i}`], "e.txt");
    const made = await Promise.all(some.map((i) => client.files.create({ purpose: "evals", file: file(i) })));
    files.push(...made.map((each) => each.id));
    const created = await Promise.all(
      some.map((i) => client.batches.create({ ...params, input_file_id: `file-${i}` })),
    );
    batches.push(...created.map((batch) => batch.id));
  }
  const newestFirst = batches.toSorted().toReversed();

  const byNode = { batches: [] as string[], files: [] as string[] };
  for await (const file of client.files.list({ purpose: "evals", limit: 60 })) byNode.files.push(file.id);
  for await (const batch of client.batches.list({ limit: 40 })) byNode.batches.push(batch.id);
  assert.deepEqual(byNode.batches, newestFirst);
  assert.deepEqual(byNode.files.toSorted(), files.toSorted());
  assert.deepEqual(JSON.parse(await runPython("paging.py", `${server.url}/v1`)), byNode);
});
