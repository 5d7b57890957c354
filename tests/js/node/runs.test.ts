/** Guards the runs of `edgebatch serve` against what is asked while a turn ends. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import "../../../js/entry/node.ts";
import type { InferenceResponse } from "../../../js/core/types.ts";
import { echoModels } from "../../../js/hosts/inference/echo.ts";
import { MemoryKV } from "../../../js/hosts/kv/memory.ts";
import { LocalRuns } from "../../../js/node/serve/runs.ts";
import type { Tracer } from "../../../js/server/observe/calls.ts";
import type { TenantService } from "../../../js/server/tenant/service.ts";
import type { Upstreams } from "../../../js/server/upstreams/types.ts";
import { memoryBlobs, tenant } from "../server/memory.ts";
import { chatLines, until } from "../server/suite/batches.ts";

const answer = { status: 200, body: new TextEncoder().encode('{"choices":[]}') };

test("a batch that goes on while its paused turn ends does go on", async () => {
  const [kv, blobs] = [new MemoryKV(), memoryBlobs()];
  const answers: ((answer: InferenceResponse) => void)[] = [];
  const infer = () => new Promise<InferenceResponse>((resolve) => answers.push(resolve));
  /** How often a look at the pause found one. */
  let seen = 0;
  const get = kv.get.bind(kv);
  kv.get = async (key) => {
    const value = await get(key);
    if (value && key.startsWith("pause:")) seen++;
    return value;
  };
  let service: TenantService;
  const runs = new LocalRuns({
    ...{ tenantName: "alice", kv, blobs, tenant: () => service },
    service: { autostart: false, inference: { infer }, models: echoModels },
    upstreams: { ready: async () => {}, inference: () => ({ infer }) } as Partial<Upstreams> as Upstreams,
    tracer: { batchRuns() {}, batchEnded() {} } as Partial<Tracer> as Tracer,
  });
  const made = tenant(kv, blobs, { runs });
  service = made.service;
  const content = new TextEncoder().encode(chatLines(1));
  blobs.objects.set("alice/files/file-1", content);
  await service.createFile({
    ...{ id: "file-1", purpose: "batch", filename: "a.jsonl", created_at: 1, expires_at: null },
    segments: [{ key: "alice/files/file-1", bytes: content.length }],
  });
  const params = { endpoint: "/v1/chat/completions", completion_window: "24h", input_file_id: "file-1" };
  const { id } = await service.createBatch(params, null);
  await until("its request is asked", () => answers.length === 1);
  await service.pauseBatch(id);
  seen = 0;
  await until("its turn has seen the pause", () => seen > 0);
  await service.resumeBatch(id);
  // The turn looks again within a second, and ends before it does.
  answers[0]?.(answer);
  await until(
    "it is completed",
    async () => (await service.retrieveBatch(id)).status === "completed",
    10_000,
  );
  assert.equal(answers.length, 1, "nothing is asked again");
  await made.settled();
  await runs.stop();
});
