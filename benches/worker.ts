/**
 * What one Runner of the Worker does in a second, in workerd on this machine: `node benches/worker.ts`. The model server
 * is a small HTTP server in this process, which answers at once, after 300 ms, or after one to three seconds; its answers and
 * the requests have about 2 KB. Prints one line of JSON per case: requests a second from the first call to the end of the
 * batch, memory of workerd, and beside it what could be done at best (requests in flight / latency). `used` is the part of
 * that which was in flight from the first call to the last, and `curve` how many were, each second. The platform's
 * limits are around the Worker. `node benches/worker.ts 4` runs the fourth case alone.
 */

import { completion, reply, startUpstream } from "../tests/js/server/suite/upstream.ts";
import { chatLines, createBatch, ended, startWorker } from "../tests/js/worker/server.ts";

const filler = "All work and no play. ".repeat(90);
const cases = [
  { latencyMs: 0, lanes: 6, requests: 10_000 },
  { latencyMs: 0, lanes: 50, requests: 10_000 },
  { latencyMs: 300, lanes: 6, requests: 300 },
  { latencyMs: 300, lanes: 50, requests: 2_000 },
  { latencyMs: 2_000, lanes: 60, requests: 1_000, spread: 0.5 },
  { latencyMs: 2_000, lanes: 600, requests: 6_000, spread: 0.5 },
  // Two turns.
  { latencyMs: 10_000, lanes: 60, requests: 2_200, spread: 0.2 },
];
const only = process.argv[2];

for (const { latencyMs, lanes, requests, spread = 0 } of only ? cases.slice(+only - 1, +only) : cases) {
  const upstream = await startUpstream(async ({ content }, response) => {
    const ms = latencyMs * (1 + spread * (2 * Math.random() - 1));
    if (ms > 0) await new Promise((next) => setTimeout(next, ms));
    reply(response, 200, completion(content));
  });
  const worker = await startWorker({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: String(lanes) });
  try {
    // The first small batch brings everything up.
    await ended(worker.client, (await createBatch(worker.client, chatLines(20))).id);
    const before = await worker.memory();
    upstream.times.length = 0;
    upstream.mostInFlight = 0;
    const samples: number[] = [];
    const sampling = setInterval(() => {
      const { length } = upstream.times;
      if (length > 0 && length < requests) samples.push(upstream.inFlight);
    }, 100);
    const lines = chatLines(requests).replaceAll("number", filler);
    const batch = await ended(worker.client, (await createBatch(worker.client, lines)).id, 600_000);
    const seconds = (Date.now() - (upstream.times[0] as number)) / 1000;
    clearInterval(sampling);
    const { peak } = await worker.memory();
    const used = samples.reduce((sum, each) => sum + each, 0) / (lanes * samples.length);
    const curve = samples.filter((_, i) => i % 10 === 0);
    const result = {
      ...{ latencyMs, lanes, requests, status: batch.status, seconds: Number(seconds.toFixed(2)) },
      requestsPerSecond: Math.round(requests / seconds),
      atBest: latencyMs === 0 ? null : Math.round((lanes * 1000) / latencyMs),
      ...(spread > 0 && { used: Number(used.toFixed(3)), mostInFlight: upstream.mostInFlight, curve }),
      ...{ repeated: upstream.times.length - requests },
      ...{ memoryBeforeMB: Math.round(before.now / 1e6), memoryPeakMB: Math.round(peak / 1e6) },
    };
    console.log(JSON.stringify(result));
  } finally {
    await worker.stop();
    await upstream.close();
  }
}
