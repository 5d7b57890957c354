/** Guards UPSTREAM_STREAM: a connection is free for the next call once headers are there, and answers are the same. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { completion, startUpstream, stream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, startWorker, until } from "./server.ts";

const IN_FLIGHT = 256;

test("256 calls are in flight in one object, whose connections wait for headers six at a time", async () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const upstream = await startUpstream(({ content }, response) =>
    stream(response, completion(content), opened),
  );
  const worker = await startWorker({
    UPSTREAM_URL: upstream.url,
    UPSTREAM_STREAM: "1",
    MAX_CONCURRENT_REQUESTS: String(IN_FLIGHT),
  });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const { id } = await createBatch(worker.client, chatLines(2 * IN_FLIGHT));
  await until("all that may be are in flight", () => upstream.inFlight === IN_FLIGHT);
  open();
  const batch = await ended(worker.client, id);
  assert.deepEqual(batch.request_counts, { total: 2 * IN_FLIGHT, completed: 2 * IN_FLIGHT, failed: 0 });
  assert.equal(upstream.mostInFlight, IN_FLIGHT);
  assert.ok([...upstream.calls.values()].every((calls) => calls === 1));
  const output = await linesOf(worker.client, batch.output_file_id);
  for (const [i, { response }] of output.entries())
    assert.deepEqual(response?.body, completion(`number ${i}`));
});
