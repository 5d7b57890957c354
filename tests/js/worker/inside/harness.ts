/** The Worker in Wrangler's harness, behind the platform's limits, with objects that can be made to die. */

import { resolve } from "node:path";
import OpenAI from "openai";
import { createTestHarness } from "wrangler";
import { startCpuClock, workerdOf } from "../../../../scripts/serve/worker/cpu.mjs";

export type Kind = "Runner" | "Tenant" | "Lane";

/** `objects` are those of its wrangler.toml: an older one has no lanes. */
export async function startEvictable(vars: Record<string, string>, objects: readonly Kind[]) {
  // Nothing is fetched from the network.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  const clock = await startCpuClock(() => workerdOf(process.pid));
  const server = createTestHarness({
    workers: [
      {
        config: {
          name: "evicted",
          main: resolve(import.meta.dirname, "evicted.ts"),
          compatibility_date: "2026-11-17",
          vars: { ALLOW_ANONYMOUS: "1", PLATFORM_CPU_URL: clock.url, ...vars },
          r2_buckets: [{ binding: "FILES", bucket_name: "evicted" }],
          durable_objects: {
            bindings: objects.map((name) => ({ name: `${name.toUpperCase()}S`, class_name: name })),
          },
          migrations: [{ tag: "v1", new_sqlite_classes: [...objects] }],
          triggers: { crons: ["* * * * *"] },
        },
      },
    ],
  });
  const { url } = await server.listen();
  return {
    server,
    client: new OpenAI({ baseURL: `${url.origin}/v1`, apiKey: "any", maxRetries: 0 }),
    async die(kind: Kind, name: string): Promise<void> {
      await server.fetch(`/die?class=${kind}&name=${encodeURIComponent(name)}`);
    },
  };
}
