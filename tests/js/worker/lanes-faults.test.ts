/** Guards what a Runner makes of the platform's errors when it calls lanes, which workerd alone never gives. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Stub } from "../../../js/worker/env.ts";
import { Lanes } from "../../../js/worker/lanes.ts";
import type { LaneAnswer, LaneCall, LaneRpc } from "../../../js/worker/rpc.ts";

const good: LaneAnswer = { answer: { status: 200, body: new Uint8Array(2) } };

/** Lanes whose calls are answered as told. */
function lanes(answer: (call: LaneCall, lane: string) => Promise<LaneAnswer>) {
  const calls: string[] = [];
  const spent: number[] = [];
  const stub = (name: string): Stub<LaneRpc> => ({
    infer(call) {
      calls.push(`${name}${call.rejoin ? " again" : ""}`);
      return answer(call, name);
    },
    abort: async () => undefined,
    held: async () => [],
  });
  const inference = new Lanes({
    ...{ lanes: 2, batches: 1, maxBytes: 1_000_000, subrequests: 1_000, turnMs: 1_000, left: [] },
    ...{ namespace: { getByName: stub }, tenant: "alice", batchId: "batch_1", turn: 1 },
    ...{ spend: () => spent.push(1), uses: () => undefined },
  });
  const infer = (key: string) =>
    inference.infer(
      { url: "/v1/x", body: new Uint8Array(2), idempotencyKey: key },
      new AbortController().signal,
    );
  return { infer, calls, spent };
}

test("what the platform calls too much is a lost connection, and is not called again at once", async () => {
  const errors = [
    Object.assign(new Error("busy"), { overloaded: true }),
    new Error("Your account is generating too much load on Durable Objects."),
  ];
  for (const error of errors) {
    const { infer, calls } = lanes(() => Promise.reject(error));
    await assert.rejects(infer("a"), { name: "Error", message: `the lane was lost: ${error.message}` });
    assert.deepEqual(calls, ["alice/0"]);
  }
});

test("a lane that was reset is called once more, and is lost if that fails too", async () => {
  const reset = Object.assign(new Error("reset"), { durableObjectReset: true, retryable: true });
  let failures = 1;
  const once = lanes(async () => {
    if (failures-- > 0) throw reset;
    return good;
  });
  assert.equal((await once.infer("a")).status, 200);
  assert.deepEqual([once.calls, once.spent.length], [["alice/0", "alice/0 again"], 2]);
  const always = lanes(() => Promise.reject(reset));
  await assert.rejects(always.infer("a"), /the lane was lost: reset/);
  assert.equal(always.calls.length, 2);
});

test("lanes are filled one after the other, and what none has room for is not sent", async () => {
  const waiting: (() => void)[] = [];
  const held = lanes(() => new Promise((answered) => waiting.push(() => answered(good))));
  const twelve = Array.from({ length: 12 }, (_, i) => held.infer(`${i}`));
  await assert.rejects(held.infer("12"), { name: "NotSentError" });
  const expected = Array.from({ length: 12 }, (_, i) => `alice/${Math.floor(i / 6)}`);
  assert.deepEqual(held.calls, expected);
  for (const answered of waiting) answered();
  await Promise.all(twelve);
});

test("a lane that others fill passes the call on to the next", async () => {
  const { infer, calls } = lanes(async (_, lane) => (lane === "alice/0" ? { busy: true } : good));
  assert.equal((await infer("a")).status, 200);
  assert.equal((await infer("b")).status, 200);
  assert.deepEqual(calls, ["alice/0", "alice/1", "alice/1"]);
});

test("an error of a call keeps its name", async () => {
  const { infer } = lanes(async () => ({ error: { name: "TimeoutError", message: "late" } }));
  await assert.rejects(infer("a"), { name: "TimeoutError", message: "late" });
});
