import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compareKeys, SortedKeys } from "../../../js/hosts/shared/sorted-keys.ts";

const bytewise = (a: string, b: string): number => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
const key = fc.string({ unit: "binary", maxLength: 6 });

describe("Keys", () => {
  test("compare as their UTF-8 bytes do", () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), bytewise(a, b));
      }),
      { numRuns: 5000 },
    );
    assert.ok(compareKeys("\uff5e", "😀") < 0 && "\uff5e" > "😀");
  });

  test("are sorted in whatever order they come and go", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), key), { maxLength: 200 });
    fc.assert(
      fc.property(steps, key, (all, from) => {
        const [sorted, model] = [new SortedKeys(), new Set<string>()];
        for (const [add, k] of all) {
          if (add) sorted.add(k);
          else sorted.delete(k);
          if (add) model.add(k);
          else model.delete(k);
        }
        const expected = [...model].sort(bytewise);
        assert.equal(sorted.size, expected.length);
        assert.deepEqual([...sorted.ascending()], expected);
        assert.deepEqual([...sorted.descending()], [...expected].reverse());
        assert.deepEqual(
          [...sorted.ascending(from)],
          expected.filter((k) => bytewise(k, from) >= 0),
        );
        assert.deepEqual(
          [...sorted.descending(from)],
          expected.filter((k) => bytewise(k, from) < 0).reverse(),
        );
      }),
    );
  });

  test("stay sorted through many blocks, whether they come in order, in reverse or at random", () => {
    const all = Array.from({ length: 5000 }, (_, i) => String(i).padStart(5, "0"));
    const random = all.map((k, i) => [(i * 7919) % 5000, k] as const).sort(([a], [b]) => a - b);
    for (const order of [all, [...all].reverse(), random.map(([, k]) => k)]) {
      const sorted = new SortedKeys();
      for (const k of order) sorted.add(k);
      for (const k of order) sorted.add(k);
      assert.deepEqual([...sorted.ascending()], all);
      assert.deepEqual([...sorted.ascending("04000x")], all.slice(4001));
      assert.deepEqual([...sorted.descending("00003")], ["00002", "00001", "00000"]);
      for (const k of order.slice(0, 4990)) sorted.delete(k);
      assert.deepEqual([...sorted.descending()], order.slice(4990).sort().reverse());
    }
  });
});
