/**
 * What one Runner of the Worker does in a second, in workerd on this machine: `node benches/worker.ts`. The model server
 * is a small HTTP server in this process, which answers at once or after 300 ms; its answers and the requests have about
 * 2 KB. Prints one line of JSON per case: requests a second from the first call to the end of the batch, memory of
 * workerd, and beside it what the lanes could do at best (lanes / latency).
 */

import { chatLines, createBatch, ended, startWorker } from "../tests/js/worker/server.ts";
import { completion, reply, startUpstream } from "../tests/js/server/suite/upstream.ts";

const filler = "All work and no play. ".repeat(90);
const cases = [
  { latencyMs: 0, lanes: 6, requests: 10_000 },
  { latencyMs: 0, lanes: 50, requests: 10_000 },
  { latencyMs: 300, lanes: 6, requests: 300 },
  { latencyMs: 300, lanes: 50, requests: 2_000 },
];

for (const { latencyMs, lanes, requests } of cases) {
  const upstream = await startUpstream(async ({ content }, response) => {
    if (latencyMs > 0) await new Promise((next) => setTimeout(next, latencyMs));
    reply(response, 200, completion(content));
  });
  const worker = await startWorker({ UPSTREAM_URL: upstream.url, MAX_CONCURRENT_REQUESTS: String(lanes) });
  try {
    // The first small batch brings everything up.
    await ended(worker.client, (await createBatch(worker.client, chatLines(20))).id);
    const before = await worker.memory();
    upstream.times.length = 0;
    const lines = chatLines(requests).replaceAll("number", filler);
    const batch = await ended(worker.client, (await createBatch(worker.client, lines)).id, 600_000);
    const seconds = (Date.now() - (upstream.times[0] as number)) / 1000;
    const { peak } = await worker.memory();
    const result = {
      ...{ latencyMs, lanes, requests, status: batch.status, seconds: Number(seconds.toFixed(2)) },
      requestsPerSecond: Math.round(requests / seconds),
      atBest: latencyMs === 0 ? null : Math.round((lanes * 1000) / latencyMs),
      ...{ repeated: upstream.times.length - requests },
      ...{ memoryBeforeMB: Math.round(before.now / 1e6), memoryPeakMB: Math.round(peak / 1e6) },
    };
    console.log(JSON.stringify(result));
  } finally {
    await worker.stop();
    await upstream.close();
  }
}
