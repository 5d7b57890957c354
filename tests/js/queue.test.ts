/** Guards a tenant's queue over stores that give less than they are asked for, and over what earlier builds have left. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { KV, KVQuery } from "../../js/core/types.ts";
import { MemoryKV } from "../../js/hosts/kv/memory.ts";
import { PAUSE, RUN, SEATS } from "../../js/server/keys.ts";
import type { TenantPorts } from "../../js/server/ports.ts";
import { Queue } from "../../js/server/tenant/queue.ts";

test("a store whose lists are short lets nobody queue more batches than their quota says", async () => {
  const whole = new MemoryKV();
  for (const id of ["a", "b", "c", "d", "e"]) await whole.set(RUN + id, new Uint8Array(1));
  const list = (query: KVQuery) => whole.list({ ...query, limit: 1 });
  const kv: KV = Object.assign(Object.create(whole), { list });
  const queue = new Queue({ kv } as TenantPorts, { admit: async () => [] });
  assert.deepEqual(await queue.unfinished(4), ["a", "b", "c", "d"]);
  assert.deepEqual(await queue.unfinished(9), ["a", "b", "c", "d", "e"]);
});

test("a batch that an earlier build paused goes on once it is resumed, though whoever resumed it was cut off", async () => {
  const kv: KV = new MemoryKV();
  const rests = Date.now() + 86_400_000;
  const seat = { generation: 0, turn: 1, wake_at: rests, lost_calls: 0, lost_since: null };
  const set = (key: string, value: unknown) => kv.set(key, new TextEncoder().encode(JSON.stringify(value)));
  // What is resumed, what is paused, and what rests over a fault by the word of this build.
  for (const id of ["a", "b"]) await set(SEATS + id, seat);
  await set(`${SEATS}c`, { ...seat, paused: false });
  await set(`${PAUSE}b`, {});
  const ports: Partial<TenantPorts> = { kv, settings: {} as TenantPorts["settings"] };
  const queue = new Queue(ports as TenantPorts, { admit: async () => [] });
  await queue.wakeResumed();
  const { resting } = await queue.seats.all();
  assert.deepEqual(resting, [
    ["a", 0],
    ["b", rests],
    ["c", rests],
  ]);
});
