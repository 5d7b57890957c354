/** Guards a tenant's queue over stores that give less than they are asked for. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { KV, KVQuery } from "../../js/core/types.ts";
import { MemoryKV } from "../../js/hosts/kv/memory.ts";
import { RUN } from "../../js/server/keys.ts";
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
