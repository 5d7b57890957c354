/** Guards all that was promised in worlds made of seeds: whatever dies, is lost, late or refused, and in whichever order. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { rough } from "./world/faults.ts";
import { grown } from "./world/measure.ts";
import { shrink } from "./world/shrink.ts";
import type { Mutant } from "./world/surroundings.ts";
import { simulate } from "./world/world.ts";

/** So many worlds each time; `npm run simulate` makes as many as one likes. */
const SEEDS = { 1: 30, 3: 12 };

/** Whether something is to befall so many servers. How long it takes, and how much it is, is no fault by itself. */
function isDrawn(name: string, servers: number): boolean {
  if (/(For|By|slow|late)Ms$/.test(name) || /^(deployMs|lostAlarm)$/.test(name)) return false;
  return servers > 1 || !/announced/.test(name);
}

for (const servers of [1, 3] as const) {
  const seeds = SEEDS[servers];
  const whose = servers === 1 ? "one server" : `${servers} servers that share a store`;
  test(`in every world of ${whose} each line is there once, nothing is left behind, and every end is told`, async (t) => {
    const sums = { kills: 0, requests: 0, calls: 0 };
    const faults: Record<string, number> = {};
    for (let seed = 1; seed <= seeds; seed++) {
      const report = await simulate({ seed, servers });
      if (report.broken !== undefined) {
        const { report: smallest, options } = await shrink({ seed, servers });
        assert.fail([...smallest.history, smallest.broken, JSON.stringify(options)].join("\n"));
      }
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
      for (const [name, times] of Object.entries(report.faults)) faults[name] = (faults[name] ?? 0) + times;
    }
    t.diagnostic(JSON.stringify({ ...sums, faults }));
    assert.ok(sums.kills > seeds);
    const all = Object.keys(rough).filter((name) => isDrawn(name, servers));
    assert.deepEqual(
      all.filter((name) => !faults[name]),
      [],
      "what never happened",
    );
  });
}

test("in every world of the Worker's Tenants, Runners and lanes the same holds, whatever the platform does to them", async (t) => {
  const faults: Record<string, number> = {};
  for (let seed = 1; seed <= 3; seed++) {
    const report = await simulate({ seed, workers: true });
    if (report.broken !== undefined) {
      const { report: smallest, options } = await shrink({ seed, workers: true });
      assert.fail([...smallest.history, smallest.broken, JSON.stringify(options)].join("\n"));
    }
    for (const [name, times] of Object.entries(report.faults)) faults[name] = (faults[name] ?? 0) + times;
  }
  t.diagnostic(JSON.stringify(faults));
  assert.ok((faults.killMs ?? 0) > 20 && (faults.deployMs ?? 0) > 0 && (faults.lost ?? 0) > 5);
});

test("in hours of traffic nothing is stuck, no rejection is left to nobody, and neither memory nor timers grow", async (t) => {
  const report = await simulate({ seed: 1, hours: 0.25 });
  t.diagnostic(JSON.stringify(report.samples.map(({ heapBytes, timers }) => [heapBytes, timers])));
  assert.equal(report.broken, undefined);
  assert.equal(grown(report), null);
});

test("the same seed gives the same world, and another seed another", async () => {
  const first = await simulate({ seed: 7, trace: true });
  assert.deepEqual(await simulate({ seed: 7, trace: true }), first);
  assert.notEqual((await simulate({ seed: 8, trace: true })).sum, first.sum);
});

const mutants: Mutant[] = [
  ...(["fencing", "outbox", "sweep", "isolation"] as const),
  ...(["events", "waste", "writing", "idempotency"] as const),
];

for (const mutant of mutants) {
  test(`a server whose ${mutant} does nothing is found out`, async () => {
    let found = 0;
    for (let seed = 1; seed <= 10 && found < 3; seed++)
      found += (await simulate({ seed, mutant })).broken === undefined ? 0 : 1;
    assert.ok(found >= 3, `${found} worlds are broken`);
  });
}
