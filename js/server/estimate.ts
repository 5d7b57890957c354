/** What a file's requests will take at these model servers. */

import { meanSeconds, type Range, timeBand } from "../core/estimate.ts";
import type { Statistics } from "../core/reports.ts";
import type { Pace } from "./upstreams/types.ts";

export interface Estimate {
  input_tokens: Range;
  /** Null where it is not known. */
  seconds: Range | null;
}

/** The time of a run that begins now, with each pool of model servers at work for it alone. */
export function runSeconds(
  requests: number,
  { models }: Pick<Statistics, "models">,
  pace: (model: string | undefined) => Pace | null,
): Range | null {
  const unnamed = requests - models.reduce((sum, { count }) => sum + count, 0);
  const shares = [...models.map(({ name, count }) => [name, count] as const), [undefined, unnamed] as const];
  const pools = new Map<string, { found: Pace; requests: number }>();
  for (const [model, count] of shares) {
    if (count === 0) continue;
    const found = pace(model);
    if (found === null) return null;
    const before = pools.get(found.pool)?.requests ?? 0;
    pools.set(found.pool, { found, requests: before + count });
  }
  // Pools run beside each other.
  const means = [...pools.values()].map(({ found, requests }) => meanSeconds(requests, found));
  return timeBand(Math.max(0, ...means));
}
