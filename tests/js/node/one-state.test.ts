/** Guards that the state folder belongs to no runtime: what one has begun, another ends. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { chatLines, createBatch, ended, linesOf, until } from "../server/suite/batches.ts";
import { runtimes } from "../server/suite/runtimes.ts";
import { startServer } from "../server/suite/server.ts";
import { slowly, startUpstream } from "../server/suite/upstream.ts";

test("a batch that is begun under Node and killed goes on under Bun, and is completed under Deno", async () => {
  const upstream = await startUpstream(slowly(100));
  const settings = { UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: "4" };
  const server = await startServer(settings, "any", runtimes.node);
  after(async () => Promise.all([server.stop(), upstream.close()]));
  const { client } = server;
  const { id, input_file_id } = await createBatch(client, chatLines(120));
  for (const [calls, next] of [
    [40, runtimes.bun],
    [80, runtimes.deno],
  ] as const) {
    await until(`${calls} lines were called`, () => upstream.calls.size >= calls);
    await server.kill();
    await server.restart({}, next);
  }
  const batch = await ended(client, id);
  assert.deepEqual(batch.request_counts, { total: 120, completed: 120, failed: 0 });
  await server.kill();
  await server.restart({}, runtimes.node);
  const ids = (await linesOf(client, batch.output_file_id)).map(({ custom_id }) => custom_id);
  assert.deepEqual(
    ids,
    Array.from({ length: 120 }, (_, i) => `request-${i}`),
  );
  assert.equal(await (await client.files.content(input_file_id)).text(), chatLines(120));
});
