/** What the core and TypeScript each say by themselves says the same; `wire.ts` is of the core, and its types are checked. */
import assert from "node:assert/strict";
import test from "node:test";
import { missing, outOfRange, wrongType } from "../../js/core/texts.ts";
import { sizeFrom } from "../../js/entry/node.ts";
import * as core from "./wire.ts";

test("classes of sizes begin where the core begins them", () => {
  const starts = core.classStarts;
  assert.ok(starts.length > 100);
  assert.deepEqual(
    starts.map((_, sizeClass) => sizeFrom(sizeClass)),
    starts,
  );
});

test("parameters are refused in the words of the core", () => {
  const fields = { status: 400, type: "invalid_request_error" };
  for (const [json, message] of Object.entries(core.wrongTypes)) {
    assert.equal(wrongType("p", "a list", JSON.parse(json)).message, message);
  }
  assert.deepEqual({ ...fields, ...missing("p") }, core.missing);
  assert.deepEqual({ ...fields, ...outOfRange("limit", 0, 1, 100) }, core.belowMinimum);
  assert.deepEqual({ ...fields, ...outOfRange("limit", 101, 1, 100) }, core.aboveMaximum);
});
