/** Guards the limits of lines and answers that a Worker may be given. */

import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { completion, reply, startUpstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, startWorker } from "./server.ts";

test("an answer and a line above the limits that are set are told with them", async () => {
  const upstream = await startUpstream(({ content }, response) =>
    reply(response, 200, completion(content === "number 0" ? "x".repeat(6_000) : content)),
  );
  const limits = { MAX_LINE_BYTES: "2000", MAX_RESPONSE_BYTES: "5000" };
  const worker = await startWorker({ UPSTREAM_URL: upstream.url, ...limits });
  after(async () => Promise.all([worker.stop(), upstream.close()]));
  const batch = await ended(worker.client, (await createBatch(worker.client, chatLines(5))).id);
  assert.deepEqual(batch.request_counts, { total: 5, completed: 4, failed: 1 });
  const [error] = await linesOf(worker.client, batch.error_file_id);
  assert.equal(error?.custom_id, "request-0");
  assert.equal(error?.error?.code, "response_too_large");
  assert.match(error?.error?.message ?? "", /more than 5000 bytes/);
  const long = chatLines(1).replace("number", "x".repeat(3_000));
  const refused = await ended(worker.client, (await createBatch(worker.client, long)).id);
  assert.equal(refused.status, "failed");
  assert.equal(refused.errors?.data?.[0]?.code, "line_too_long");
});
