/** How much memory the process takes for what it soon throws away. */

import type { PerformanceObserver } from "node:perf_hooks";

/**
 * Megabytes of both halves of V8's young generation. Below it what belongs to hundreds of requests in flight does not find
 * room, and is collected at a higher price; above it nothing gets any quicker.
 */
const ENOUGH = 16;

let observer: PerformanceObserver | undefined;

/**
 * Under load V8 lets its young generation grow to 128 MB, and gives little back: a third of what a server took at 200
 * requests in flight. It grows by a factor that it looks up each time, so after each collection the factor says whether
 * it may go on. No other way leads there but flags of `node` itself, which a command has no place for. Where the runtime
 * is not Node, or V8 knows the flag no more, nothing happens.
 */
export function keepYoungGenerationSmall(): void {
  if ("Bun" in globalThis || "Deno" in globalThis) return;
  const { getHeapSpaceStatistics, setFlagsFromString } = process.getBuiltinModule("node:v8");
  const size = () =>
    getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size;
  let grows = true;
  observer = new (process.getBuiltinModule("node:perf_hooks").PerformanceObserver)(() => {
    const mayGrow = (size() ?? 0) < ENOUGH * 2 ** 20;
    if (mayGrow === grows) return;
    grows = mayGrow;
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  });
  observer.observe({ entryTypes: ["gc"] });
}
