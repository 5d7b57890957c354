/** Guards how a turn in a Runner learns of a cancel: seldom while requests run, and freshly before the batch is concluded. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { RunnerKV } from "../../../js/worker/runner-store.ts";

const id = "batch_1";
const bytes = (text: string) => new TextEncoder().encode(text);
const record = (status: string) => bytes(JSON.stringify({ id, status }));

/** A store whose Tenant holds `records` and counts what it is asked. */
function runnerKV(records: Map<string, Uint8Array>) {
  const asked: string[] = [];
  const tenant = {
    runnerGet: async (_: string, key: string) => {
      asked.push(key);
      return records.get(key) ?? null;
    },
    runnerWrite: async () => {},
  };
  const storage = { sql: { exec: () => [] }, transactionSync: <T>(work: () => T) => work() };
  const options = { storage, tenant: () => tenant as never, batchId: id, turn: 1, cancelled: false };
  return { kv: new RunnerKV(options), asked };
}

test("while requests run, the Tenant is asked for a wish once, and again as soon as it has said that there is one", async () => {
  const records = new Map([[`batch:${id}`, record("in_progress")]]);
  const { kv, asked } = runnerKV(records);
  await kv.get(`batch:${id}`);
  assert.equal(await kv.get(`cancel:${id}`), null);
  records.set(`cancel:${id}`, bytes("1790000000"));
  assert.equal(await kv.get(`cancel:${id}`), null);
  assert.deepEqual(asked, [`batch:${id}`, `cancel:${id}`]);
  kv.noticeCancel();
  assert.deepEqual(await kv.get(`cancel:${id}`), bytes("1790000000"));
});

for (const [how, go] of [
  ["written", (kv: RunnerKV) => kv.set(`batch:${id}`, record("finalizing"))],
  ["found", (kv: RunnerKV) => kv.get(`batch:${id}`)],
] as const) {
  test(`once the batch is ${how} to be finalizing, each look for a wish goes to the Tenant`, async () => {
    const records = new Map([[`batch:${id}`, record("finalizing")]]);
    const { kv } = runnerKV(records);
    assert.equal(await kv.get(`cancel:${id}`), null);
    await go(kv);
    records.set(`cancel:${id}`, bytes("1790000000"));
    assert.deepEqual(await kv.get(`cancel:${id}`), bytes("1790000000"));
  });
}
