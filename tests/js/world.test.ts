/** Guards all that was promised in worlds made of seeds: whatever dies, is lost, late or refused, and in whichever order. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { shrink } from "./world/shrink.ts";
import type { Mutant } from "./world/surroundings.ts";
import { simulate } from "./world/world.ts";

/** So many worlds each time; `npm run simulate` makes as many as one likes. */
const SEEDS = { 1: 30, 3: 12 };

for (const servers of [1, 3] as const) {
  const seeds = SEEDS[servers];
  const whose = servers === 1 ? "one server" : `${servers} servers that share a store`;
  test(`in every world of ${whose} each line is there once, nothing is left behind, and every end is told`, async (t) => {
    const sums = { kills: 0, faults: 0, requests: 0, calls: 0 };
    for (let seed = 1; seed <= seeds; seed++) {
      const report = await simulate({ seed, servers });
      if (report.broken !== undefined) {
        const { report: smallest, options } = await shrink({ seed, servers });
        assert.fail([...smallest.history, smallest.broken, JSON.stringify(options)].join("\n"));
      }
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
    }
    t.diagnostic(JSON.stringify(sums));
    assert.ok(sums.kills > seeds && sums.faults > 20 * seeds);
  });
}

test("the same seed gives the same world, and another seed another", async () => {
  const first = await simulate({ seed: 7, trace: true });
  assert.deepEqual(await simulate({ seed: 7, trace: true }), first);
  assert.notEqual((await simulate({ seed: 8, trace: true })).sum, first.sum);
});

for (const mutant of ["fencing", "outbox", "sweep", "isolation"] satisfies Mutant[]) {
  test(`a server whose ${mutant} does nothing is found out`, async () => {
    let found = 0;
    for (let seed = 1; seed <= 10; seed++)
      found += (await simulate({ seed, mutant })).broken === undefined ? 0 : 1;
    assert.ok(found >= 3, `${found} of 10 worlds are broken`);
  });
}
