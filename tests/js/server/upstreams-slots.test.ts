/** Guards the slots that machines share: never more in flight than there are, and all of them used, whatever dies or stands still. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeHolders,
  encodeHolders,
  type Holder,
  isCrowded,
  parts,
  reach,
  step,
  whole,
} from "../../../js/server/upstreams/slot-rule.ts";
import { type Machine, SlotWorld } from "./slot-machines.ts";

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

const limits = fc.integer({ min: 1, max: 40 });
const wishes = fc.array(fc.record({ wants: fc.nat(40), first: fc.nat(10) }), { minLength: 1, maxLength: 12 });
const holdersOf = (all: { wants: number; first: number }[]): Holder[] =>
  all.map((each, i) => ({ id: `${i}`, beat: 1, held: 0, ...each }));

test("parts are together all slots, or all that is wanted, and batches have one in any case", () => {
  fc.assert(
    fc.property(limits, wishes, (limit, all) => {
      const holders = holdersOf(all);
      const found = parts(limit, holders).map(whole);
      const [wanted, first] = [sum(all.map(({ wants }) => wants)), sum(all.map(({ first }) => first))];
      const left = Math.max(limit - first, 1);
      assert.equal(sum(found), Math.min(limit, Math.min(wanted, left) + first));
      assert.equal(isCrowded(limit, holders), first >= limit);
      for (const [i, part] of found.entries()) {
        const { wants, first } = holders[i] as Holder;
        assert.ok(part >= 0 && part <= wants + first);
        assert.ok(reach(limit, holders, `${i}`) >= part);
      }
    }),
  );
});

test("whatever is said, and by whom, they never hold more than there is, and in the end hold all that is wanted", () => {
  const said = fc.record({
    i: fc.nat(5),
    wants: fc.nat(20),
    first: fc.nat(3),
    used: fc.nat(20),
    isTurnOver: fc.boolean(),
  });
  fc.assert(
    fc.property(limits, fc.array(said, { maxLength: 60 }), (limit, steps) => {
      let holders: Holder[] = [];
      let beat = 0;
      for (const { i, ...own } of steps) {
        beat += 1;
        const next = step(limit, holders, { id: `${i}`, beat, ...own });
        holders = next.holders;
        assert.ok(sum(holders.map(({ held }) => held)) <= limit);
        assert.equal(holders.find(({ id }) => id === `${i}`)?.held ?? 0, next.held);
      }
      // Nobody's wishes change any more, and all calls end.
      for (let round = 0; round < 2; round++) {
        for (const { id, wants, first } of holders) {
          beat += 1;
          holders = step(limit, holders, { id, beat, wants, first, used: 0, isTurnOver: false }).holders;
        }
      }
      assert.deepEqual(
        holders.map(({ held }) => held),
        parts(limit, holders).map(whole),
      );
    }),
  );
});

test("odd slots go round: who has one for long goes to the end", () => {
  let holders: Holder[] = [];
  const had = new Map<string, number>();
  for (let round = 0; round < 40; round++) {
    for (const id of ["a", "b", "c"]) {
      const isTurnOver = round > 0 && holders.find((holder) => holder.id === id)?.held === 1;
      holders = step(1, holders, { id, beat: round, wants: 1, first: 0, used: 0, isTurnOver }).holders;
    }
    for (const { id, held } of holders) had.set(id, (had.get(id) ?? 0) + held);
  }
  assert.ok(Math.min(...had.values()) >= 10, `${[...had]}`);
});

test("a record is read as it was written, and one that nobody understands is none", () => {
  const holders = holdersOf([{ wants: 3, first: 1 }]);
  assert.deepEqual(decodeHolders(encodeHolders(holders)), holders);
  for (const odd of [
    "",
    "{}",
    "[1]",
    '[["a",1,2,3]]',
    '[["a",1,2,3,-1]]',
    '[["a",1,2,3,1.5]]',
    "[[1,1,2,3,1]]",
  ])
    assert.deepEqual(decodeHolders(new TextEncoder().encode(odd)), [], odd);
});

function machines(
  count: number,
  options: ConstructorParameters<typeof SlotWorld>[0],
): [SlotWorld, Machine[]] {
  const world = new SlotWorld(options);
  return [world, Array.from({ length: count }, () => world.start())];
}

test("one machine that has work has all slots within a moment, and three at work have equal parts", async (t) => {
  const [world, [one, two, three]] = machines(3, { limit: 12, answerMs: 300 }) as [
    SlotWorld,
    [Machine, Machine, Machine],
  ];
  one.run();
  const first = await world.until(() => world.inFlight === 12, 1_000);
  assert.ok(first <= 50, `${first} ms`);
  two.run();
  three.run();
  const equal = () => [one, two, three].every(({ inFlight }) => inFlight === 4);
  const tookMs = await world.until(equal, 5_000);
  assert.ok(tookMs <= 2_000, `${tookMs} ms`);
  const mean = await world.mean(20_000);
  assert.ok(mean > 11.7, `${mean}`);
  assert.equal(world.most, 12);
  t.diagnostic(`all after ${first} ms, a third each after ${tookMs} ms, then ${mean} in flight`);
});

test("who has no more work leaves its slots to the others, and nothing behind", async () => {
  const [world, [one, two]] = machines(2, { limit: 12, answerMs: 100 }) as [SlotWorld, [Machine, Machine]];
  const short = one.run(200);
  const other = two.run(800);
  await world.until(() => short.endedAt !== undefined, 10_000);
  const tookMs = await world.until(() => two.inFlight === 12, 10_000);
  assert.ok(tookMs <= 3_500, `${tookMs} ms`);
  await world.until(() => other.endedAt !== undefined, 60_000);
  await world.clock.pass(10_000);
  assert.equal(await world.kv.get("slots:a"), null);
  const { writes } = world;
  await world.clock.pass(60_000);
  assert.equal(world.writes, writes);
});

test("a run that uses few leaves the rest to the others", async () => {
  const [world, [narrow, wide]] = machines(2, { limit: 12, answerMs: 100 }) as [
    SlotWorld,
    [Machine, Machine],
  ];
  narrow.run(1e9, 3);
  wide.run();
  await world.clock.pass(5_000);
  assert.deepEqual([narrow.inFlight, wide.inFlight], [3, 9]);
  assert.ok((await world.mean(10_000)) > 11.7);
  assert.equal(world.most, 12);
});

test("fewer slots than machines: each has its turn, and no slot is empty for long", async () => {
  const [world, all] = machines(5, { limit: 2, answerMs: 200 });
  const runs = all.map((machine) => machine.run());
  await world.clock.pass(10_000);
  const before = runs.map(({ done }) => done);
  const mean = await world.mean(120_000);
  const done = runs.map((run, i) => run.done - (before[i] as number));
  assert.ok(mean > 1.8, `${mean}`);
  assert.ok(Math.min(...done) > 0.6 * Math.max(...done), `${done}`);
  assert.equal(world.most, 2);
});

test("slots of one that was killed are used again within 15 seconds, and those of one that was ended at once", async (t) => {
  const [world, all] = machines(3, { limit: 12, answerMs: 300 });
  const [one, two, three] = all as [Machine, Machine, Machine];
  for (const machine of all) machine.run();
  await world.clock.pass(5_000);
  one.kill();
  const killedMs = await world.until(() => world.inFlight === 12, 20_000);
  assert.ok(killedMs > 5_000 && killedMs <= 15_000, `${killedMs} ms`);
  two.upstreams.stop();
  await world.until(() => two.inFlight === 0, 1_000);
  const released = two.upstreams.release();
  const endedMs = await world.until(() => three.inFlight === 12, 5_000);
  await released;
  assert.ok(endedMs <= 1_000, `${endedMs} ms`);
  assert.equal(world.most, 12);
  t.diagnostic(`after ${killedMs} and ${endedMs} ms`);
});

test("one that is cut off from the store gives its calls up before others have its slots, and comes back", async (t) => {
  const [world, [one, two]] = machines(2, { limit: 8, answerMs: 40_000 }) as [SlotWorld, [Machine, Machine]];
  const run = one.run();
  await world.until(() => world.inFlight === 8, 1_000);
  two.run();
  one.isCutOff = true;
  const gaveUpMs = await world.until(() => one.inFlight === 0, 20_000);
  assert.ok(gaveUpMs <= 10_000, `${gaveUpMs} ms`);
  const tookMs = gaveUpMs + (await world.until(() => two.inFlight === 8, 20_000));
  assert.ok(tookMs <= 15_000, `${tookMs} ms`);
  assert.ok(run.inFlight <= 1, "the calls are handed back");
  one.isCutOff = false;
  const backMs = await world.until(() => one.inFlight === 4 && two.inFlight === 4, 60_000);
  assert.ok(backMs <= 45_000, `${backMs} ms`);
  assert.equal(world.most, 8);
  t.diagnostic(`given up after ${gaveUpMs} ms, taken after ${tookMs} ms`);
});

test("when the store is away from all, they go on with what they held once it is back", async () => {
  const [world, all] = machines(3, { limit: 12, answerMs: 300 });
  for (const machine of all) machine.run();
  await world.clock.pass(3_000);
  for (const machine of all) machine.isCutOff = true;
  await world.clock.pass(60_000);
  assert.equal(world.inFlight, 0);
  for (const machine of all) machine.isCutOff = false;
  const backMs = await world.until(() => world.inFlight === 12, 20_000);
  assert.ok(backMs <= 4_000, `${backMs} ms`);
  assert.equal(world.most, 12);
});

test("one that stands still and goes on has nothing of what others took meanwhile", async () => {
  const [world, [one, two]] = machines(2, { limit: 6, answerMs: 500 }) as [SlotWorld, [Machine, Machine]];
  one.run();
  await world.clock.pass(1_000);
  two.run();
  await world.clock.pass(5_000);
  one.stop();
  await world.until(() => two.inFlight === 6, 20_000);
  one.goOn();
  await world.mean(3_000);
  assert.deepEqual([one.inFlight, two.inFlight], [3, 3]);
  assert.equal(world.most, 6);
});

test("calls that somebody waits for go at once, and batches of all machines make room for them", async () => {
  const [world, [one, two]] = machines(2, { limit: 8, answerMs: 100 }) as [SlotWorld, [Machine, Machine]];
  one.run();
  await world.clock.pass(2_000);
  for (let i = 0; i < 6; i++) await two.pass();
  await world.clock.pass(500);
  assert.equal(one.inFlight, 2);
  two.run();
  await world.clock.pass(3_000);
  assert.deepEqual([one.inFlight, two.inFlight], [1, 1]);
  // They leave nothing: one request of all batches at a time, and no more than one a second.
  for (let i = 0; i < 4; i++) await two.pass();
  await world.clock.pass(1_000);
  const mean = await world.mean(20_000);
  assert.ok(mean > 0.05 && mean < 0.15, `${mean}`);
  two.endPassed();
  await world.clock.pass(6_000);
  assert.deepEqual([one.inFlight, two.inFlight], [4, 4]);
});

test("where they do not come first, they wait for a slot like a batch", async () => {
  const [world, [one, two]] = machines(2, { limit: 4, answerMs: 100, interactiveFirst: false }) as [
    SlotWorld,
    [Machine, Machine],
  ];
  one.run();
  await world.clock.pass(2_000);
  const passed = [two.pass(), two.pass(), two.pass()];
  await world.clock.pass(1_000);
  assert.equal(one.inFlight, 2);
  two.endPassed();
  await world.clock.pass(1_000);
  two.endPassed();
  await Promise.all(passed);
  await world.clock.pass(6_000);
  assert.equal(one.inFlight, 4);
});

test("whatever dies, stops and is cut off, in any order, no more are in flight than there are slots, and then all are used", async () => {
  const what = fc.constantFrom("kill", "stop", "goOn", "cut", "mend", "start", "run");
  const events = fc.array(fc.record({ what, which: fc.nat(9), ms: fc.nat(8_000) }), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 20, max: 4_000 }),
      events,
      async (limit, answerMs, all) => {
        const [world, started] = machines(3, { limit, answerMs });
        for (const machine of started) machine.run();
        for (const { what, which, ms } of all) {
          const alive = world.machines.filter(({ isDead }) => !isDead);
          const machine = alive[which % Math.max(alive.length, 1)];
          if (what === "start" || machine === undefined) world.start().run();
          else if (what === "kill") machine.kill();
          else if (what === "stop") machine.stop();
          else if (what === "goOn") machine.goOn();
          else if (what === "run") machine.run(50);
          else machine.isCutOff = what === "cut";
          await world.clock.pass(ms);
          assert.ok(world.most <= limit, `${world.most} of ${limit}`);
        }
        world.start().run();
        const alive = world.machines.filter(({ isDead }) => !isDead);
        for (const machine of alive) {
          machine.goOn();
          machine.isCutOff = false;
        }
        const tookMs = await world.until(() => world.inFlight === limit, 20_000 + answerMs);
        assert.ok(!Number.isNaN(tookMs), "all slots are used again");
        const mean = await world.mean(20_000);
        assert.ok(mean > 0.8 * limit, `${mean} of ${limit}`);
        assert.ok(world.most <= limit, `${world.most} of ${limit}`);
      },
    ),
    { numRuns: Number(process.env.EDGEBATCH_RUNS ?? 40) },
  );
});
