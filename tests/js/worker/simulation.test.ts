/** What the Worker does with large batches in simulated time, and what docs/worker.md says that takes and costs. */

import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { badDay } from "../../../benches/worker/simulation/faults.ts";
import { simulate } from "../../../benches/worker/simulation/simulate.ts";
import { costTables } from "../../../benches/worker/simulation/tables.ts";

const SECOND = 1_000;

test("the same seed gives the same report, and another seed another", async () => {
  const batch = { requests: 1_500, inFlight: 30, latencyMs: 2 * SECOND, bytes: 400, faults: badDay };
  const first = await simulate({ ...batch, seed: 7 });
  assert.deepEqual(await simulate({ ...batch, seed: 7 }), first);
  assert.notDeepEqual(await simulate({ ...batch, seed: 8 }), first);
});

test("with answers of ten seconds at least 95 % of what may be in flight is, over an hour", async (t) => {
  const flights = [
    { inFlight: 60, requests: 60 * 360, vars: {} },
    // A quarter of it, with the subrequests that docs/worker.md says to set.
    { inFlight: 600, requests: 600 * 90, vars: { TURN_SUBREQUESTS: "100000" } },
  ];
  for (const { inFlight, ...flight } of flights) {
    const report = await simulate({ ...flight, inFlight, latencyMs: 10 * SECOND, bytes: 400 });
    t.diagnostic(`${inFlight} in flight: ${(100 * report.used).toFixed(1)} %`);
    assert.equal(report.mostInFlight, inFlight);
    assert.ok(report.used >= 0.95, `${report.used} of ${inFlight}`);
    assert.equal(report.repeated, 0);
  }
});

test("evictions, deploys, lost alarms, refused starts and a bad R2 lose no line, and repeat few calls", async (t) => {
  const inFlight = 60;
  const often = { Tenant: 600 * SECOND, Runner: 120 * SECOND, Lane: 300 * SECOND };
  const faults = { ...badDay, evictionMs: often, deployMs: 300 * SECOND, lostAlarm: 0.2, startsPerSecond: 3 };
  const batch = { requests: 12_000, inFlight, latencyMs: 5 * SECOND, bytes: 400, faults };
  const report = await simulate(batch);
  const { evictions, laneDeaths, deploys, lostAlarms, throttledStarts } = report.incidents;
  t.diagnostic(JSON.stringify(report.incidents));
  t.diagnostic(`${report.repeated} calls were repeated`);
  assert.deepEqual([report.status, report.linesWritten], ["completed", 12_000]);
  for (const times of [evictions, laneDeaths, deploys, lostAlarms, throttledStarts]) assert.ok(times > 0);
  // A lane has six calls, a deploy takes all; of a Runner that dies the answers are lost that it had not saved.
  const most =
    6 * laneDeaths + (inFlight + 64) * deploys + 64 * evictions + 2 * batch.requests * faults.lostCalls;
  assert.ok(report.repeated <= most, `${report.repeated} repeated, at most ${most} expected`);
});

test("a server that throttled is not met at full width again in the next turn", async () => {
  const batch = { requests: 20_000, inFlight: 600, latencyMs: 2 * SECOND, bytes: 400 };
  const { turns, refused, status } = await simulate({ ...batch, faults: { capacity: 100 } });
  assert.equal(status, "completed");
  assert.ok(turns.length >= 3);
  // The first turn begins with 500 too many. Were each to do so, there would be as many again.
  const first = turns[1]?.refused ?? 0;
  assert.ok(first >= 500, `${first} refused in the first turn`);
  const later = (refused - first) / (turns.length - 1);
  assert.ok(later < 400, `${later} refused in each later turn`);
});

test("docs/worker.md says what a million requests take and cost (UPDATE_DOCS=1 writes it)", async () => {
  const path = join(import.meta.dirname, "../../../docs/worker.md");
  const docs = readFileSync(path, "utf8");
  const [written = ""] = /(?<=^## What it costs\n[\s\S]*?)^\|[\s\S]*?(?=\n\n## )/m.exec(docs) ?? [];
  if (process.env.UPDATE_DOCS) {
    const tables = await costTables();
    return writeFileSync(
      path,
      docs.replace(written, () => tables),
    );
  }
  // These take the fewest calls, and no rule changes without them.
  const cells = (text: string) => text.split("\n").map((line) => line.replaceAll(/ +|-{2,}/g, " "));
  const rows = cells(written).filter((row) => !/^\| [25] s /.test(row));
  assert.deepEqual(rows, cells(await costTables([10, 30, 60])));
});
