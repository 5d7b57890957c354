import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { retryAfterMs } from "../../../js/hosts/inference/retry-after.ts";

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 22, 10, 0, 0);
  const read = (value: string, name = "retry-after") => retryAfterMs(new Headers({ [name]: value }), now);

  test("is seconds, whole or not", () => {
    assert.deepEqual(
      ["0", "1", "120", "0.25", "1.0005", "3."].map((v) => read(v)),
      [0, 1000, 120_000, 250, 1001, 3000],
    );
    assert.deepEqual(
      ["0", "80", "12.2"].map((v) => read(v, "retry-after-ms")),
      [0, 80, 13],
    );
  });

  test("is an HTTP date in any of its three forms", () => {
    assert.equal(read("Sun, 22 Nov 2026 10:00:30 GMT"), 30_000);
    assert.equal(read("Sunday, 22-Nov-26 10:00:30 GMT"), 30_000);
    assert.equal(read("Sun Nov 22 10:00:30 2026"), 30_000);
    assert.equal(read("Wed Dec  2 10:00:00 2026"), 10 * 86_400_000);
  });

  test("is ignored where it is negative, past or nonsense", () => {
    const nonsense = [
      "-1",
      "-0.5",
      "",
      " ",
      "soon",
      "1s",
      "1e3",
      "0x10",
      "NaN",
      "Infinity",
      "1, 2",
      "5 minutes",
      "2027-01-01",
      "Sun, 22 Nov 2026 09:59:59 GMT",
      "Sun, 22 Nov 2026 10:00:00 GMT",
      "Sun, 99 Foo 2026 10:00:00 GMT",
      "Sun, 22 Nov 2026 10:00:30 PST",
      "9".repeat(400),
    ];
    for (const value of nonsense) assert.equal(read(value), undefined, value);
    for (const value of ["-1", "soon", ""]) assert.equal(read(value, "retry-after-ms"), undefined, value);
  });
});
