/** Guards a tenant's webhooks: an event is told once though its end is written twice, and alarms bring what is left. */

import { strict as assert } from "node:assert";
import { mock, test } from "node:test";
import "../../../js/entry/node.ts";
import { ApiError } from "../../../js/core/errors.ts";
import type { KVOp } from "../../../js/core/types.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { memoryBlobs, tenant } from "./memory.ts";
import { eventOf } from "./webhook-site.ts";

for (const each of ["log", "warn"] as const) mock.method(console, each, () => {});

const fields = { name: "n", url: "https://hooks.example.com/", event_types: ["batch.completed"] };

/** A tenant whose endpoint answers with these statuses, one after the other and then 200. */
function answering(...statuses: (number | Promise<number>)[]) {
  const kv = new MemoryKV();
  const came: string[] = [];
  const alarm = { time: null as number | null };
  const made = tenant(kv, memoryBlobs(), {
    sendWebhook: async (_, { headers }) => {
      came.push(headers["webhook-id"] ?? "");
      return statuses.shift() ?? 200;
    },
    alarm: {
      get: async () => alarm.time,
      set: async (time) => {
        alarm.time = time;
      },
    },
  });
  return { ...made, kv, came, alarm };
}

function ending(id: string): KVOp[] {
  const batch = new TextEncoder().encode(JSON.stringify({ id, object: "batch", status: "completed" }));
  const [key, value] = eventOf(id);
  return [
    { type: "set", key: `batch:${id}`, value: batch },
    { type: "set", key, value },
  ];
}

test("the end of a batch is told at once, and once though a turn writes it again after a crash", async () => {
  const { service, came, settled, kv } = answering();
  await service.createWebhook(fields);
  for (let writes = 0; writes < 3; writes++) {
    await service.runnerWrite("batch_1", 1, ending("batch_1"));
    await settled();
  }
  assert.deepEqual(came, ["evt_of_batch_1"]);
  assert.deepEqual((await kv.list({ prefix: "event:" })).entries, []);
  await service.runnerWrite("batch_2", 1, ending("batch_2"));
  await settled();
  assert.deepEqual(came, ["evt_of_batch_1", "evt_of_batch_2"]);
});

test("a failure sets the alarm to the next try, and no later round moves it beyond that", async (t) => {
  const { service, came, settled, alarm } = answering(500, 500);
  await service.createWebhook(fields);
  t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  await service.alarm();
  assert.equal(alarm.time, 1_800_003_600_000);
  await service.runnerWrite("batch_1", 1, ending("batch_1"));
  await settled();
  for (const tries of [1, 2]) {
    assert.equal(came.length, tries);
    const due: number = alarm.time ?? 0;
    const pause = due - Date.now();
    assert.ok(pause > 2000 && pause <= 14_000, `${pause} ms after ${tries}`);
    await service.watch();
    await service.createBatch({ ...params, input_file_id: "file-1" }, null).catch(() => {});
    assert.equal(alarm.time, due);
    t.mock.timers.setTime(due);
    alarm.time = null;
    await service.alarm();
    await settled();
  }
  assert.equal(came.length, 3);
  assert.equal(new Set(came).size, 1);
});

test("a round that is due comes at its time, whatever alarms webhooks had set before it", async (t) => {
  const { service, settled, alarm, told } = answering();
  t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  await service.alarm();
  await service.createBatch({ ...params, input_file_id: "file-1" }, null);
  await settled();
  const started = told.length;
  assert.equal(alarm.time, 1_800_000_030_000);
  // Once silent, the batch is woken by the round after.
  for (const time of [30_000, 60_000]) {
    t.mock.timers.setTime(1_800_000_000_000 + time);
    alarm.time = null;
    await service.alarm();
    await settled();
    assert.equal(alarm.time, 1_800_000_030_000 + time);
  }
  assert.equal(told.length, started + 1);
});

test("of tests that hang, more than four at once are refused", async () => {
  let answer: (status: number) => void = () => {};
  const held = new Promise<number>((next) => {
    answer = next;
  });
  const { service } = answering(held, held, held, held);
  const { id } = await service.createWebhook(fields);
  const tests = [1, 2, 3, 4].map(() => service.testWebhook(id, "batch.failed"));
  // The first four have begun once the endpoint was read.
  await new Promise((next) => setImmediate(next));
  await assert.rejects(service.testWebhook(id, "batch.failed"), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.code], [429, "rate_limit_exceeded"]);
    return true;
  });
  answer(418);
  assert.deepEqual(
    (await Promise.all(tests)).map(({ status_code }) => status_code),
    [418, 418, 418, 418],
  );
  assert.equal((await service.testWebhook(id, "batch.failed")).status_code, 200);
});

const params = { endpoint: "/v1/chat/completions", completion_window: "24h" };
