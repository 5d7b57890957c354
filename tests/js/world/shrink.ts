/** The smallest world that is broken as well: the same seed, with less in it. */

import { none, rough } from "./faults.ts";
import { simulate, type WorldOptions, type WorldReport } from "./world.ts";

/** Worlds that are tried. */
const MOST_TRIES = 200;

export async function shrink(options: WorldOptions): Promise<{ options: WorldOptions; report: WorldReport }> {
  let best = {
    options: { tenants: 2, batches: 3, requests: 60, faults: rough, ...options },
    report: await simulate(options),
  };
  let tries = 0;
  for (let isSmaller = true; isSmaller && tries < MOST_TRIES; ) {
    isSmaller = false;
    for (const smaller of smallerThan(best.options)) {
      if (tries++ >= MOST_TRIES) break;
      const report = await simulate(smaller);
      if (report.broken === undefined) continue;
      best = { options: { ...best.options, ...smaller }, report };
      isSmaller = true;
      break;
    }
  }
  return { options: best.options, report: await simulate({ ...best.options, trace: true }) };
}

function* smallerThan(options: WorldOptions): Generator<WorldOptions> {
  const { tenants = 2, batches = 3, requests = 60, faults = rough } = options;
  if (tenants > 1) yield { ...options, tenants: 1 };
  if ((options.servers ?? 1) > 1) yield { ...options, servers: 1 };
  for (const fewer of new Set([1, Math.floor(batches / 2), batches - 1]))
    if (fewer > 0 && fewer < batches) yield { ...options, batches: fewer };
  for (const fewer of new Set([1, Math.floor(requests / 4), Math.floor(requests / 2)]))
    if (fewer > 0 && fewer < requests) yield { ...options, requests: fewer };
  for (const name of Object.keys(none) as (keyof typeof none)[])
    if ((faults[name] ?? none[name]) !== none[name])
      yield { ...options, faults: { ...faults, [name]: none[name] } };
}
