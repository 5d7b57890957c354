/** Guards against eviction: Durable Objects that die in the middle of a turn, and alarms that were lost. */

import { strict as assert } from "node:assert";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { createTestHarness } from "wrangler";
import { slowly, startUpstream, type Upstream } from "../server/suite/upstream.ts";
import { chatLines, createBatch, ended, linesOf, until } from "./server.ts";

const TENANT = "~anonymous";
const LANES = 6;
let upstream: Upstream;
let client: OpenAI;
let server: ReturnType<typeof createTestHarness>;
// Nothing is fetched from the network.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
before(async () => {
  upstream = await startUpstream(slowly(20));
  server = createTestHarness({
    workers: [
      {
        config: {
          name: "evicted",
          main: resolve(import.meta.dirname, "inside/evicted.ts"),
          compatibility_date: "2026-11-17",
          vars: { ALLOW_ANONYMOUS: "1", UPSTREAM_URL: upstream.url },
          r2_buckets: [{ binding: "FILES", bucket_name: "evicted" }],
          durable_objects: {
            bindings: [
              { name: "TENANTS", class_name: "Tenant" },
              { name: "RUNNERS", class_name: "Runner" },
            ],
          },
          migrations: [{ tag: "v1", new_sqlite_classes: ["Tenant", "Runner"] }],
          triggers: { crons: ["* * * * *"] },
        },
      },
    ],
  });
  const { url } = await server.listen();
  client = new OpenAI({ baseURL: `${url.origin}/v1`, apiKey: "any", maxRetries: 0 });
});
after(async () => {
  await server.close();
  await upstream.close();
});

async function die(kind: "Runner" | "Tenant", name: string): Promise<void> {
  await server.fetch(`/die?class=${kind}&name=${encodeURIComponent(name)}`);
}

test("a Runner and a Tenant that die several times lose nothing and repeat only what was under way", async (t) => {
  const { id } = await createBatch(client, chatLines(2000));
  for (const [calls, kind] of [
    [200, "Runner"],
    [600, "Tenant"],
    [1000, "Runner"],
  ] as const) {
    await until(`${calls} lines were called`, () => upstream.calls.size >= calls);
    await die(kind, kind === "Runner" ? `${TENANT}/${id}` : TENANT);
  }
  const batch = await ended(client, id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 2000, completed: 2000, failed: 0 });
  const lines = await linesOf(client, batch.output_file_id);
  assert.equal(new Set(lines.map((line) => line.custom_id)).size, 2000);
  assert.equal(lines.length, 2000);
  const repeated = [...upstream.calls.values()].reduce((sum, calls) => sum + calls - 1, 0);
  t.diagnostic(`3 deaths: ${repeated} repeated calls with ${LANES} in flight`);
  assert.ok(repeated <= 3 * (LANES + 128), `${repeated} repeated calls`);
});

// A Runner in a turn cannot be evicted gently: the platform waits for its alarm. It dies as above, or not at all.
test("a Tenant that the platform evicts in the middle of a batch comes back, and its Runner does not notice", async () => {
  const before = new Set(upstream.calls.keys());
  const called = () => [...upstream.calls.keys()].filter((key) => !before.has(key));
  const { id } = await createBatch(client, chatLines(600));
  for (const calls of [100, 300]) {
    await until(`${calls} lines were called`, () => called().length >= calls);
    await server.getWorker().evictDurableObject("Tenant", { name: TENANT });
  }
  const batch = await ended(client, id);
  assert.equal(batch.status, "completed");
  assert.deepEqual(batch.request_counts, { total: 600, completed: 600, failed: 0 });
  assert.equal((await linesOf(client, batch.output_file_id)).length, 600);
  assert.deepEqual(
    called().map((key) => upstream.calls.get(key)),
    Array(600).fill(1),
  );
});

test("the cron leaves a healthy tenant alone, and finds no fault in it", async () => {
  const { id } = await createBatch(client, chatLines(200));
  await server.getWorker().scheduled({ cron: "* * * * *" });
  assert.equal((await ended(client, id)).status, "completed");
});
