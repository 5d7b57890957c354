/** Guards what the log says of waits: once each, also after a restart. */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Waits } from "../../../js/server/tenant/waits.ts";

test("a wait is logged for each reason and for each minute that its end moves, also after a restart", async (t) => {
  const lines: string[] = [];
  t.mock.method(console, "warn", (line: string) => lines.push(JSON.parse(line).event));
  const record = (reason: string | null, until = 0, status = "in_progress") => {
    const edgebatch = reason === null ? {} : { waiting: { reason, status: 503, message: "a prompt", until } };
    return new TextEncoder().encode(JSON.stringify({ id: "b", status, edgebatch }));
  };
  let waits = new Waits("alice");
  let stored: Uint8Array | null = null;
  const write = async (value: Uint8Array) => {
    lines.length = 0;
    await waits.notice("b", [{ type: "set", key: "batch:b", value }], async () => stored);
    stored = value;
    return lines.join();
  };
  assert.equal(await write(record(null)), "");
  assert.equal(await write(record("failing", 100)), "batch.waiting");
  assert.equal(await write(record("failing", 140)), "");
  // It creeps: what counts is the line that was logged.
  assert.equal(await write(record("failing", 170)), "batch.waiting");
  assert.equal(await write(record("refused", 170)), "batch.waiting");
  waits = new Waits("alice");
  assert.equal(await write(record("refused", 170)), "");
  assert.equal(await write(record(null)), "batch.resumed");
  assert.equal(await write(record(null)), "");
  assert.equal(await write(new TextEncoder().encode("no JSON")), "");
  for (const status of ["cancelling", "cancelled", "expired", "failed"]) {
    assert.equal(await write(record("failing", 100)), "batch.waiting");
    assert.equal(await write(record(null, 0, status)), "", status);
  }
});
