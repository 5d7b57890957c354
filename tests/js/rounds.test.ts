/** Guards the rounds of a tenant: whatever the clock does, they come. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Rounds } from "../../js/server/tenant/rounds.ts";

test("a tenant whose clock was set back by hours looks after what it has as often as before", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 0, 2) });
  let [at, rounds]: [number | null, number] = [null, 0];
  const alarm = {
    get: async () => at,
    set: async (time: number) => {
      at = time;
    },
  };
  const round = async () => ++rounds > 0;
  const tenant = new Rounds({ tenant: "alice", alarm, round, between: async () => {} });
  await tenant.alarm();
  assert.equal(rounds, 1);
  t.mock.timers.setTime(Date.now() - 3 * 3_600_000);
  // A timer's alarm comes after the time that was left, whatever the clock shows by then.
  await tenant.alarm();
  assert.equal(rounds, 2);
  assert.equal(at, Date.now() + 30_000);
  // One that comes early is none of a clock's.
  await tenant.alarm();
  assert.equal(rounds, 2);
});
