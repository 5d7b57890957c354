/**
 * Prints what a batch takes and costs on Workers, simulated: `node benches/worker/simulation/main.ts [REQUESTS] [IN_FLIGHT] [LATENCY_MS]
 * [bad] [stream] [seed=N] [bytes=N]`. `bad` has the platform and the model server do all that they may do.
 */

import { badDay } from "./faults.ts";
import { simulate } from "./simulate.ts";

const words = process.argv.slice(2);
const [requests = 100_000, inFlight = 600, latencyMs = 10_000] = words
  .filter((word) => /^\d+$/.test(word))
  .map(Number);
const named = (name: string, otherwise: number) =>
  Number(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise);
const [seed, bytes] = [named("seed", 1), named("bytes", 2_000)];
const begun = performance.now();
let shown = begun;
const {
  turns: _,
  usedByEnd: __,
  ...report
} = await simulate({
  ...{ seed, bytes, requests, inFlight, latencyMs, stream: words.includes("stream") },
  ...(words.includes("bad") && { faults: badDay }),
  onProgress(done, seconds) {
    if (performance.now() - shown < 10_000) return;
    shown = performance.now();
    process.stderr.write(`${done} answered after ${Math.round(seconds / 60)} simulated minutes\n`);
  },
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.stderr.write(`simulated in ${Math.round((performance.now() - begun) / 1000)} s\n`);
