/** Guards the time limits of calls, many of which are on one timer. */

import { strict as assert } from "node:assert";
import { type TestContext, test } from "node:test";
import { Deadlines } from "../../../js/hosts/inference/deadlines.ts";

/** A clock that moves when it is told to: timers and `performance.now` alike. */
function clock(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  t.mock.method(performance, "now", () => now);
  return (ms: number) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
}

test("each call runs out at its own time, and one that was answered does not", (t) => {
  const pass = clock(t);
  const deadlines = new Deadlines(1_000);
  const over: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => () => void over.push(name)) as [
    () => void,
    () => void,
    () => void,
  ];
  deadlines.add(a);
  pass(400);
  deadlines.add(b);
  deadlines.add(c);
  pass(599);
  assert.deepEqual(over, []);
  pass(1);
  assert.deepEqual(over, ["a"]);
  deadlines.remove(b);
  deadlines.remove(a);
  pass(400);
  assert.deepEqual(over, ["a", "c"]);
});

test("where nothing is under way no timer is left, and the next call has its whole time", (t) => {
  const pass = clock(t);
  const clear = t.mock.method(globalThis, "clearTimeout");
  const deadlines = new Deadlines(1_000);
  let over = 0;
  const call = () => void over++;
  deadlines.add(call);
  deadlines.remove(call);
  assert.equal(clear.mock.callCount(), 1);
  pass(900);
  deadlines.add(call);
  pass(999);
  assert.equal(over, 0);
  pass(1);
  assert.equal(over, 1);
});

test("what runs out may begin another call, which has its whole time too", (t) => {
  const pass = clock(t);
  const deadlines = new Deadlines(1_000);
  let over = 0;
  const again = () => {
    over++;
    deadlines.add(again);
  };
  deadlines.add(again);
  for (let i = 1; i <= 3; i++) {
    pass(1_000);
    assert.equal(over, i);
  }
});

test("calls that are under way at once share one timer", (t) => {
  clock(t);
  const set = t.mock.method(globalThis, "setTimeout");
  const deadlines = new Deadlines(1_000);
  for (let i = 0; i < 50; i++) deadlines.add(() => {});
  assert.equal(set.mock.callCount(), 1);
});

test("a call without a limit sets no timer, and one of months none that would fire at once", (t) => {
  clock(t);
  const set = t.mock.method(globalThis, "setTimeout");
  new Deadlines(Number.POSITIVE_INFINITY).add(() => {});
  assert.equal(set.mock.callCount(), 0);
  new Deadlines(90 * 86_400_000).add(() => {});
  assert.equal(set.mock.calls[0]?.arguments[1], 2 ** 31 - 1);
});
