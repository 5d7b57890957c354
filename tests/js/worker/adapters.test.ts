/** Guards the adapters of the platform: the contract suites, run inside workerd on its own storage and R2. */

import { strict as assert } from "node:assert";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { createTestHarness } from "wrangler";
import { filesContract, kvContract } from "../../../js/contract/index.ts";
import { blobsTests } from "../hosts/blobs-suite.ts";

const server = createTestHarness({
  workers: [
    {
      config: {
        name: "contract",
        main: resolve(import.meta.dirname, "inside/contract.ts"),
        compatibility_date: "2026-11-17",
        r2_buckets: [{ binding: "FILES", bucket_name: "contract" }],
        durable_objects: { bindings: [{ name: "STORES", class_name: "Store" }] },
        migrations: [{ tag: "v1", new_sqlite_classes: ["Store"] }],
      },
    },
  ],
});
// Nothing is fetched from the network.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
before(async () => {
  await server.listen();
});
after(() => server.close());

const never = () => Promise.reject(new Error("only the names are used here"));
for (const [suite, adapter, tests] of [
  ["kv", "DurableObjectKV", kvContract(never)],
  ["files", "R2Files", filesContract(never)],
  ["blobs", "r2Blobs", blobsTests(never)],
] as const) {
  describe(adapter, () => {
    for (const [index, { name }] of tests.entries()) {
      test(name, async () => {
        const response = await server.fetch(`/?suite=${suite}&test=${index}`);
        assert.equal(await response.text(), "ok");
      });
    }
  });
}
