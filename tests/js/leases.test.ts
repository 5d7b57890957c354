/** Several owners of one store's batches: processes over one SQLite file, and services of one process. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { suite, test } from "node:test";
import { anyModel, Batches, MemoryFiles, MemoryKV, SqliteKV } from "../../js/entry/node.ts";
import { completion_window, endpoint, input, leaseSuite } from "./leases-suite.ts";

const entry = JSON.stringify(new URL("../../js/entry/node.ts", import.meta.url).href);

leaseSuite(
  "one SQLite file",
  {
    async open(directory) {
      const kv = new SqliteKV(join(directory, "batches.db"));
      return { kv, close: async () => kv.close() };
    },
    source: (directory) =>
      `import { SqliteKV } from ${entry};
       const kv = new SqliteKV(${JSON.stringify(join(directory, "batches.db"))});`,
  },
  [1, 700, 1_500, 2_900],
);

suite("Of two services in one process", () => {
  test("both run the batches of a store in memory, and each request is called once", async () => {
    const [kv, files] = [new MemoryKV(), new MemoryFiles()];
    const calls: string[] = [];
    const inference = {
      infer: async ({ idempotencyKey, body }: { idempotencyKey: string; body: Uint8Array }) => {
        calls.push(idempotencyKey);
        await new Promise((resolve) => setTimeout(resolve, 1));
        return { status: 200, body };
      },
    };
    const services = [1, 2].map(() => new Batches({ kv, files, inference, models: anyModel }));
    const { id: input_file_id } = await files.add("in.jsonl", input(200));
    const [first] = services;
    const created = await Promise.all(
      services.flatMap((service) =>
        [1, 2, 3].map(() => service.create({ input_file_id, endpoint, completion_window })),
      ),
    );
    for (const { id } of created) assert.equal((await first?.wait(id))?.status, "completed");
    assert.equal(calls.length, 1_200);
    assert.equal(new Set(calls).size, 1_200);
    for (const service of services) await service.stop();
  });
});
