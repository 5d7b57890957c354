/** Guards W3C trace context: what is read of a caller's header, and which trace a batch's calls are in. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { idsOnly, watchedCalls } from "../../../js/server/observe/calls.ts";
import { parseTraceparent, traceOfBatch, traceparent } from "../../../js/server/observe/trace.ts";
import { requestHeaders } from "../../../js/server/upstreams/headers.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

test("a caller's traceparent is read as W3C says, and a wrong one counts as none", () => {
  const context = { traceId, spanId, sampled: true };
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), context);
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-00`), { ...context, sampled: false });
  // A later version may say more.
  assert.deepEqual(parseTraceparent(`01-${traceId}-${spanId}-01-more`), context);
  assert.equal(traceparent(context), `00-${traceId}-${spanId}-01`);
  for (const wrong of [
    undefined,
    "",
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId}-${spanId}`,
  ]) {
    assert.equal(parseTraceparent(wrong), null, wrong);
  }
});

test("a batch's trace has the batch's id, and its root span has an id that is allowed", () => {
  assert.deepEqual(traceOfBatch(`batch_${traceId}`), {
    ...{ traceId, spanId: traceId.slice(16), sampled: true },
  });
  assert.equal(traceOfBatch(`batch_1${"0".repeat(31)}`)?.spanId, "0000000000000001");
  for (const other of ["batch_1", `batch_${"0".repeat(32)}`, traceId])
    assert.equal(traceOfBatch(other), null);
});

test("each call of a batch has a span of its own in the batch's trace; what is passed on keeps its caller's header", () => {
  const watch = watchedCalls(idsOnly);
  const about = { server: "gpu", path: "/v1/x", tenant: "alice" };
  const sent = ["a", "a", "b"].map((idempotencyKey) => {
    const call = watch({ ...about, kind: "batch", batchId: `batch_${traceId}`, idempotencyKey });
    call?.ended?.(500);
    return parseTraceparent(call?.headers?.traceparent);
  });
  assert.deepEqual(new Set(sent.map((span) => span?.traceId)), new Set([traceId]));
  assert.equal(new Set(sent.map((span) => span?.spanId)).size, 3);
  const headers = new Headers({ traceparent: `00-${traceId}-${spanId}-01` });
  assert.equal(watch({ ...about, kind: "interactive", headers })?.headers, undefined);
  assert.equal(requestHeaders(headers).get("traceparent"), `00-${traceId}-${spanId}-01`);
});
