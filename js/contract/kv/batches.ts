/** Batches of writes: all or nothing. */

import { assert, assertBytes, assertEqual, patternBytes } from "../assert.ts";
import { fill, type KVChecks, keys, utf8 } from "./subject.ts";

export const batchTests: KVChecks = {
  "has `batch` exactly when it says that it is atomic": async (kv) => {
    assertEqual(typeof kv.batch === "function", kv.caps.atomic, "batch");
    assert(["strong", "eventual"].includes(kv.caps.consistency), `consistency is '${kv.caps.consistency}'`);
  },

  "carries out a batch in order": async (kv) => {
    if (!kv.batch) return;
    await fill(kv, ["k:old", "k:twice"]);
    await kv.batch([
      { type: "set", key: "k:twice", value: utf8("1") },
      { type: "set", key: "k:twice", value: utf8("2") },
      { type: "set", key: "k:gone", value: utf8("1") },
      { type: "delete", key: "k:gone" },
      { type: "delete", key: "k:old" },
      { type: "delete", key: "k:back" },
      { type: "set", key: "k:back", value: utf8("3") },
      { type: "delete", key: "k:never" },
    ]);
    const { entries } = await kv.list({ prefix: "k:" });
    assertEqual(keys(entries), ["k:back", "k:twice"], "keys");
    assertBytes(await kv.get("k:twice"), utf8("2"), "the later of two writes");
    await kv.batch([]);
  },

  "carries out a batch of hundreds of writes": async (kv) => {
    if (!kv.batch) return;
    const value = patternBytes(2048);
    const all = Array.from({ length: 300 }, (_, i) => `k:${1000 + i}`);
    await kv.batch(all.map((key) => ({ type: "set", key, value })));
    assertEqual(keys((await kv.list({ prefix: "k:" })).entries), all, "keys");
    assertBytes(await kv.get("k:1299"), value, "a value");
  },

  "leaves nothing of a batch that fails": async (kv) => {
    if (!kv.batch) return;
    await kv.set("k:old", utf8("kept"));
    const over = new Uint8Array(kv.caps.maxValue + 1);
    const failed = await kv
      .batch([
        { type: "set", key: "k:new", value: utf8("new") },
        { type: "delete", key: "k:old" },
        { type: "set", key: "k:over", value: over },
      ])
      .then(
        () => false,
        () => true,
      );
    const found = keys((await kv.list({ prefix: "k:" })).entries);
    assertEqual(found, failed ? ["k:old"] : ["k:new", "k:over"], failed ? "keys after it failed" : "keys");
    await kv.batch([{ type: "set", key: "k:new", value: utf8("next") }]);
    assertBytes(await kv.get("k:new"), utf8("next"), "the next batch");
  },
};
