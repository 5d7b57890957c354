/** Guards where a turn's records are: what its run alone reads stays with the Runner, all else goes to the Tenant in order. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { KVOp } from "../../../js/core/types.ts";
import { DurableObjectKV } from "../../../js/hosts/kv/durable-object.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { RunnerKV } from "../../../js/worker/runner-store.ts";
import { memoryStorage } from "./storage.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const set = (key: string): KVOp => ({ type: "set", key, value: bytes(key) });
const remove = (key: string): KVOp => ({ type: "delete", key });

function places() {
  const storage = memoryStorage();
  const [own, records] = [new DurableObjectKV(storage), new MemoryKV()];
  const written: string[] = [];
  const tenant = {
    runnerGet: (_: string, key: string) => records.get(key),
    runnerWrite: async (_: string, turn: number, ops: KVOp[]) => {
      written.push(`${turn}: ${ops.map(({ type, key }) => `${type} ${key}`).join()}`);
      return records.batch(ops);
    },
  };
  const kv = new RunnerKV({
    ...{ storage, batchId: "b", turn: 7, cancelled: false },
    tenant: () => tenant as never,
  });
  return { own, records, written, kv };
}

test("checkpoints and results stay here, what others read goes to the Tenant", async () => {
  const { own, records, written, kv } = places();
  await records.set("run:b", bytes("first"));
  assert.deepEqual(await kv.get("run:b"), bytes("first"));
  await kv.batch([set("result:b:1"), set("checkpoint:b"), set("batch:b")]);
  assert.deepEqual(written, ["7: set batch:b"]);
  assert.deepEqual(await own.get("checkpoint:b"), bytes("checkpoint:b"));
  assert.equal(await records.get("result:b:1"), null);
  await kv.batch([remove("result:b:1"), remove("checkpoint:b"), remove("cancel:b"), remove("run:b")]);
  assert.equal(written.at(-1), "7: delete cancel:b,delete run:b");
  assert.deepEqual((await own.list({ prefix: "" })).entries, []);
});

test("the latest checkpoint of an earlier build is gone on from, and goes with the first newer one", async () => {
  for (const op of [set("checkpoint:b"), remove("checkpoint:b")]) {
    const { own, records, kv } = places();
    await records.set("run:b", bytes("first"));
    await own.set("run:b", bytes("latest"));
    assert.deepEqual(await kv.get("checkpoint:b"), bytes("latest"));
    await kv.batch([set("result:b:1")]);
    assert.deepEqual(await kv.get("checkpoint:b"), bytes("latest"));
    await kv.batch([op]);
    assert.equal(await own.get("run:b"), null);
    assert.deepEqual(await kv.get("run:b"), bytes("first"));
  }
});
