/** Values: what is set is what is got, for good. */

import { assert, assertBytes, assertEqual, assertRejects, patternBytes } from "../assert.ts";
import { type KVChecks, keys, ORDERED, utf8 } from "./subject.ts";

export const valueTests: KVChecks = {
  "gives null for a key that was never set": async (kv) => {
    assertEqual(await kv.get("k:none"), null, "get");
    assertEqual(await kv.list({ prefix: "" }), { entries: [], more: false }, "list of an empty store");
  },

  "gives back what was set, byte for byte, as a Uint8Array": async (kv) => {
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    await kv.set("k:bytes", every);
    assertBytes(await kv.get("k:bytes"), every, "get");
    const { entries } = await kv.list({ prefix: "k:" });
    assertBytes(entries[0]?.[1] ?? null, every, "list");
  },

  "keeps the bytes of a view, not of the buffer under it": async (kv) => {
    const whole = patternBytes(100);
    await kv.set("k:view", whole.subarray(10, 20));
    assertBytes(await kv.get("k:view"), whole.slice(10, 20), "get");
  },

  "keeps an empty value apart from no value": async (kv) => {
    await kv.set("k:empty", new Uint8Array(0));
    assertBytes(await kv.get("k:empty"), new Uint8Array(0), "get");
    // Some platforms make these without memory under them, and some adapters trip over that.
    await kv.set("k:none", utf8(""));
    await kv.batch?.([{ type: "set", key: "k:none", value: patternBytes(9).subarray(9) }]);
    assertBytes(await kv.get("k:none"), new Uint8Array(0), "get of another kind of empty value");
    assertEqual(keys((await kv.list({ prefix: "k:" })).entries), ["k:empty", "k:none"], "keys");
  },

  "replaces a value that is set again": async (kv) => {
    await kv.set("k:a", utf8("a long first value"));
    await kv.set("k:a", utf8("second"));
    assertBytes(await kv.get("k:a"), utf8("second"), "get");
    assertEqual((await kv.list({ prefix: "" })).entries.length, 1, "entries listed");
  },

  "forgets a deleted key, and deletes a missing one without an error": async (kv) => {
    await kv.set("k:a", utf8("1"));
    await kv.delete("k:a");
    await kv.delete("k:a");
    await kv.delete("k:never");
    assertEqual(await kv.get("k:a"), null, "get");
    assertEqual((await kv.list({ prefix: "" })).entries, [], "entries");
    await kv.set("k:a", utf8("2"));
    assertBytes(await kv.get("k:a"), utf8("2"), "get after setting it again");
  },

  "takes a value of exactly maxValue bytes, which is at least 2,000,000": async (kv) => {
    assert(kv.caps.maxValue >= 2_000_000, `maxValue is ${kv.caps.maxValue}`);
    const largest = patternBytes(kv.caps.maxValue);
    await kv.set("k:large", largest);
    assertBytes(await kv.get("k:large"), largest, "get");
  },

  "refuses a value over maxValue or keeps it whole, never a part": async (kv) => {
    const over = patternBytes(kv.caps.maxValue + 1);
    const kept = await kv.set("k:over", over).then(
      () => true,
      () => false,
    );
    if (kept) assertBytes(await kv.get("k:over"), over, "get");
    else assertEqual(await kv.get("k:over"), null, "get after the refusal");
  },

  "does not see what the caller does to a passed array later": async (kv) => {
    const value = utf8("first");
    await kv.set("k:a", value);
    const op = utf8("first");
    await kv.batch?.([{ type: "set", key: "k:b", value: op }]);
    value.fill(0);
    op.fill(0);
    assertBytes(await kv.get("k:a"), utf8("first"), "get");
    if (kv.batch) assertBytes(await kv.get("k:b"), utf8("first"), "get after batch");
  },

  "does not see what the caller does to a returned array": async (kv) => {
    await kv.set("k:a", utf8("first"));
    (await kv.get("k:a"))?.fill(0);
    (await kv.list({ prefix: "k:" })).entries[0]?.[1].fill(0);
    assertBytes(await kv.get("k:a"), utf8("first"), "get");
  },

  "shows each of many writes made at once": async (kv) => {
    const all = Array.from({ length: 100 }, (_, i) => `k:${100 + i}`);
    await Promise.all(all.map((key) => kv.set(key, utf8(key))));
    assertEqual(keys((await kv.list({ prefix: "k:" })).entries), all, "keys");
    for (const key of all) assertBytes(await kv.get(key), utf8(key), key);
  },

  "lets one at a time run its batches, if it has a lock": async (kv) => {
    if (!kv.lock) return;
    const lock = await kv.lock();
    const error = await assertRejects(kv.lock(), "a second lock");
    // By its name: a host need not have the class from the same copy of the package.
    const name = error instanceof Error ? error.name : String(error);
    assertEqual(name, "StoreInUseError", "what a second lock rejects with");
    await kv.set("k:a", utf8("1"));
    assertBytes(await kv.get("k:a"), utf8("1"), "get while it is locked");
    await lock.release();
    await lock.release();
    await (await kv.lock()).release();
  },

  "keeps everything when it is opened again": async (kv, { reopen }) => {
    if (!reopen) return;
    for (const key of ORDERED) await kv.set(key, utf8(key));
    await kv.delete("k:a");
    await kv.batch?.([{ type: "set", key: "k:batch", value: patternBytes(5000) }]);
    const again = await reopen();
    assertEqual(await again.get("k:a"), null, "what was deleted");
    if (kv.batch) assertBytes(await again.get("k:batch"), patternBytes(5000), "what a batch wrote");
    await again.delete("k:batch");
    const found = await again.list({ prefix: "k:" });
    assertEqual(
      keys(found.entries),
      ORDERED.filter((key) => key !== "k:a"),
      "keys",
    );
    for (const [key, value] of found.entries) assertBytes(value, utf8(key), key);
  },

  "rejects, and does not throw, when it refuses a value": async (kv) => {
    const over = new Uint8Array(kv.caps.maxValue + 1);
    const calls = [
      () => kv.set("k:over", over),
      () => kv.batch?.([{ type: "set", key: "k:over", value: over }]) ?? Promise.resolve(),
    ];
    for (const call of calls) {
      let promise: Promise<unknown>;
      try {
        promise = call();
      } catch (error) {
        assert(false, `threw at once: ${String(error)}`);
      }
      await promise.catch(() => undefined);
    }
  },
};
