/** Guards fair shares as numbers: nothing is given twice, nothing is left over, and nobody is favoured. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { fill, Levels, waterLevel } from "../../../js/server/upstreams/fill.ts";

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
const demand = fc.oneof(fc.nat(50), fc.constant(Number.POSITIVE_INFINITY));
const demands = fc.array(demand, { maxLength: 12 });
const capacity = fc.nat(100);

test("shares are all of the capacity, or all that is demanded, and nobody gets more than it demands", () => {
  fc.assert(
    fc.property(capacity, demands, (capacity, demands) => {
      const shares = fill(capacity, demands);
      assert.equal(sum(shares), Math.min(capacity, sum(demands)));
      for (const [i, share] of shares.entries()) {
        assert.ok(Number.isInteger(share) && share >= 0 && share <= (demands[i] as number));
      }
    }),
  );
});

test("whoever gets less than it demands gets as much as anybody, but for the odd one", () => {
  fc.assert(
    fc.property(capacity, demands, (capacity, demands) => {
      const shares = fill(capacity, demands);
      const most = Math.max(0, ...shares);
      for (const [i, share] of shares.entries()) {
        if (share < (demands[i] as number)) assert.ok(share >= most - 1, `${shares}`);
      }
    }),
  );
});

test("equal demands get equal shares, in whichever order they come", () => {
  fc.assert(
    fc.property(capacity, demands, fc.infiniteStream(fc.nat()), (capacity, demands, keys) => {
      const order = demands.map((_, i) => ({ i, key: keys.next().value as number }));
      order.sort((a, b) => a.key - b.key);
      const shares = fill(capacity, demands);
      const mixed = fill(
        capacity,
        order.map(({ i }) => demands[i] as number),
      );
      for (const [at, { i }] of order.entries()) {
        assert.ok(Math.abs((mixed[at] as number) - (shares[i] as number)) <= 1);
      }
      assert.deepEqual(mixed.toSorted(), shares.toSorted());
    }),
  );
});

test("what one could have is what it gets once it wants everything", () => {
  fc.assert(
    fc.property(capacity, fc.array(demand, { minLength: 1, maxLength: 12 }), (capacity, demands) => {
      const levels = new Levels(capacity, demands);
      for (const [i, demand] of demands.entries()) {
        const greedy = demands.with(i, Number.POSITIVE_INFINITY);
        const expected = Math.min(waterLevel(capacity, greedy), capacity);
        assert.ok(Math.abs(levels.of(demand) - expected) < 1e-9, `${demands} at ${i}`);
      }
    }),
  );
});

test("figures: sixteen places for one that wants three and two that want all", () => {
  assert.deepEqual(fill(16, [3, Infinity, Infinity]), [3, 7, 6]);
  assert.equal(new Levels(16, [3, Infinity, Infinity]).of(3), 16 / 3);
});
