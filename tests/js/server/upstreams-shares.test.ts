/** Guards fair shares as they happen: runs that behave as the core's do, over time that passes as it is told. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { ModelServers } from "../../../js/server/upstreams/upstreams.ts";
import { ManualClock, type Scripted, scripted, settled } from "./model-servers.ts";
import { ScriptedRun } from "./scripted-run.ts";

function setUp(capacity: number, answerMs: number) {
  const clock = new ManualClock();
  const server = scripted("a", {
    concurrency: capacity,
    answer: () => clock.sleep(answerMs).then(() => 200),
  });
  const upstreams = new ModelServers({ servers: [server], clock });
  const run = (tenant: string, batch: string, count: number, window?: number) =>
    new ScriptedRun(upstreams, clock, { tenant, batch, count, ...(window !== undefined && { window }) });
  return { clock, server, upstreams, run };
}

/** How well the server was used between two times, of what it can do. */
async function used(server: Scripted, clock: ManualClock, ms: number): Promise<number> {
  let sum = 0;
  for (let at = 0; at < ms; at += 5) {
    await clock.pass(5);
    sum += server.open.size / server.concurrency;
  }
  return sum / (ms / 5);
}

test("a tenant with ten requests is served within a few answers' time beside one with a million", async (t) => {
  const { clock, server, run } = setUp(16, 50);
  const million = run("large", "b", 1_000_000);
  await clock.pass(1_000);
  assert.equal(server.open.size, 16);
  const before = million.done;
  const ten = run("small", "b", 10);
  const began = clock.now();
  while (ten.endedAt === undefined) await clock.pass(5);
  const tookMs = ten.endedAt - began;
  assert.ok(tookMs <= 4 * 50, `the ten took ${tookMs} ms`);
  const other = million.done - before;
  assert.ok(other >= (tookMs / 50 - 1) * 16 - 10, `the other one had ${other} in the meantime`);
  await clock.pass(200);
  assert.equal(server.open.size, 16);
  t.diagnostic(`ten requests took ${tookMs} ms of answers of 50 ms; the other one had ${other} meanwhile`);
});

test("tenants that want everything get equal parts, whatever the number of their batches", async () => {
  const { clock, server, run } = setUp(16, 50);
  const runs = [run("a", "1", 1e6), ...[1, 2, 3, 4].map((i) => run("b", `${i}`, 1e6))];
  await clock.pass(2_000);
  const before = runs.map(({ done }) => done);
  assert.ok((await used(server, clock, 5_000)) > 0.98);
  const [a, ...b] = runs.map(({ done }, i) => done - (before[i] as number)) as [number, ...number[]];
  const all = b.reduce((sum, done) => sum + done, 0);
  assert.ok(Math.abs(a / all - 1) < 0.1, `${a} and ${all}`);
  for (const each of b) assert.ok(Math.abs(each / (all / 4) - 1) < 0.15, `${b}`);
});

test("the odd place goes from one to the other", async () => {
  const { clock, server, run } = setUp(4, 50);
  const runs = ["a", "b", "c"].map((tenant) => run(tenant, "1", 1e6));
  await clock.pass(2_000);
  const before = runs.map(({ done }) => done);
  assert.ok((await used(server, clock, 10_000)) > 0.98);
  const done = runs.map(({ done }, i) => done - (before[i] as number));
  assert.ok(Math.min(...done) > 0.9 * Math.max(...done), `${done}`);
});

test("who uses less than its share leaves the rest to the others", async () => {
  const { clock, server, upstreams, run } = setUp(16, 50);
  const narrow = run("a", "1", 1e6, 3);
  const wide = run("b", "1", 1e6);
  await clock.pass(3_000);
  assert.deepEqual([narrow.inFlight, upstreams.inference("b", "1").allowance?.("")], [3, 13]);
  assert.ok(wide.most <= 16);
  assert.ok((await used(server, clock, 1_000)) > 0.98);
});

test("more batches than places: each gets on, and no place is empty", async () => {
  const { clock, server, run } = setUp(4, 50);
  const runs = Array.from({ length: 40 }, (_, i) => run(`t${i}`, "b", 1e6));
  await clock.pass(2_000);
  const before = runs.map(({ done }) => done);
  assert.ok((await used(server, clock, 10_000)) > 0.98);
  const done = runs.map(({ done }, i) => done - (before[i] as number));
  assert.ok(Math.min(...done) >= Math.max(...done) - 4, `${done}`);
  assert.equal(server.most, 4);
});

test("answers that take half a minute: who waits is handed back again and again, and served in the end", async () => {
  const { clock, server, run } = setUp(2, 30_000);
  const runs = Array.from({ length: 6 }, (_, i) => run(`t${i}`, "b", 2));
  await clock.pass(30_000 * 12 + 60_000);
  assert.deepEqual(
    runs.map(({ done }) => done),
    [2, 2, 2, 2, 2, 2],
  );
  assert.equal(server.most, 2);
});

test("a run that has gone leaves nothing behind, and its share to the others", async () => {
  const { clock, upstreams, run } = setUp(8, 50);
  run("a", "1", 20);
  const other = run("b", "1", 1e6);
  await clock.pass(5_000);
  await settled();
  assert.equal(upstreams.inference("b", "1").allowance?.(""), 8);
  assert.equal(other.inFlight, 8);
});
