/**
 * One Runner of the Worker beside a plain loop in a Durable Object, in the same workerd: `node benches/runner.ts [ROUNDS]`.
 * The model server is a process that answers at once, with about 2 KB for 2 KB. Prints one line of JSON per case: requests a second
 * of each, by turns, and what part of the loop's the Runner's are. With 50 in flight lanes make the Runner's calls, as
 * on the platform, and once the Runner itself, as the loop's.
 */

import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import OpenAI from "openai";
import { createTestHarness } from "wrangler";
import { chatLines, createBatch, ended } from "../tests/js/server/suite/batches.ts";

process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
const cases = [
  { inFlight: 6, lanes: false },
  { inFlight: 50, lanes: true },
  { inFlight: 50, lanes: false },
];

const [, , rounds_, only] = process.argv;
const rounds = Number(rounds_ ?? 3);
const requests = 5_000;
const filler = "All work and no play. ".repeat(90);
const lines = chatLines(requests).replaceAll("number", filler);

const model = spawn(process.execPath, [resolve(import.meta.dirname, "serve/model.mjs"), "0"]);
const printed = createInterface({ input: model.stdout })[Symbol.asyncIterator]();
const upstream = `http://127.0.0.1:${(await printed.next()).value}`;

/** Requests a second that the model server has seen, from the first to the last answer. */
async function speed(work: () => Promise<unknown>): Promise<number> {
  model.kill("SIGUSR2");
  await printed.next();
  await work();
  model.kill("SIGUSR2");
  const { answers, seconds } = JSON.parse((await printed.next()).value);
  if (answers !== requests) throw new Error(`${answers} answers instead of ${requests}`);
  return Math.round(answers / seconds);
}

for (const { inFlight, lanes } of only ? cases.slice(+only - 1, +only) : cases) {
  const objects = ["Tenant", "Runner", "Loop", ...(lanes ? ["Lane"] : [])];
  const server = createTestHarness({
    workers: [
      {
        config: {
          name: "beside",
          main: resolve(import.meta.dirname, "runner/inside.ts"),
          compatibility_date: "2026-11-17",
          vars: { ALLOW_ANONYMOUS: "1", UPSTREAM_URL: upstream, MAX_CONCURRENT_REQUESTS: String(inFlight) },
          r2_buckets: [{ binding: "FILES", bucket_name: "beside" }],
          durable_objects: {
            bindings: objects.map((name) => ({ name: `${name.toUpperCase()}S`, class_name: name })),
          },
          migrations: [{ tag: "v1", new_sqlite_classes: objects }],
        },
      },
    ],
  });
  const { url } = await server.listen();
  const client = new OpenAI({ baseURL: `${url.origin}/v1`, apiKey: "any", maxRetries: 0 });
  const loop = () =>
    server.fetch(`/loop?inFlight=${inFlight}&url=${upstream}/v1/chat/completions`, {
      method: "POST",
      body: lines,
    });
  const runner = async () => {
    const batch = await ended(client, (await createBatch(client, lines)).id, 600_000);
    if (batch.request_counts?.completed !== requests) throw new Error(JSON.stringify(batch));
  };
  try {
    // What each does first is slower.
    await loop();
    await runner();
    const speeds: { loop: number; runner: number }[] = [];
    for (let i = 0; i < rounds; i++) speeds.push({ loop: await speed(loop), runner: await speed(runner) });
    const ratios = speeds.map(({ loop, runner }) => runner / loop).sort((a, b) => a - b);
    const ratio = Number((ratios[Math.floor(rounds / 2)] as number).toFixed(2));
    console.log(JSON.stringify({ inFlight, lanes, ratio, speeds }));
  } finally {
    await server.close();
  }
}
model.kill();
