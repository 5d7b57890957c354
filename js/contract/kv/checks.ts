/** Writes under conditions: `batch` with checks. */

import type { KV, KVCheck, KVOp } from "../../core/types.ts";
import { assert, assertBytes, assertEqual, patternBytes, randomFrom } from "../assert.ts";
import { type KVChecks, keys, utf8 } from "./subject.ts";

type CheckedBatch = (ops: KVOp[], checks?: KVCheck[]) => Promise<boolean>;

/** Null where the store takes no checks, and is served by one process. */
function checkedBatch(kv: KV): CheckedBatch | null {
  return kv.batch && kv.caps.checks ? (ops, checks) => (kv.batch as CheckedBatch)(ops, checks) : null;
}

const put = (key: string, value: string): KVOp => ({ type: "set", key, value: utf8(value) });

export const checkTests: KVChecks = {
  "has `batch` if it says that it takes checks, and says so with a boolean": async (kv) => {
    const { checks } = kv.caps;
    assert(checks === undefined || typeof checks === "boolean", `caps.checks is ${String(checks)}`);
    if (checks) assertEqual([typeof kv.batch, kv.caps.atomic], ["function", true], "batch and caps.atomic");
  },

  "answers true to a batch without checks": async (kv) => {
    if (!kv.batch) return;
    assertEqual(await kv.batch([put("k:a", "1")]), true, "a batch without checks");
    assertEqual(await kv.batch([]), true, "a batch of nothing");
    if (!kv.caps.checks) return;
    assertEqual(await kv.batch([put("k:a", "2")], []), true, "a batch with an empty list of checks");
    assertBytes(await kv.get("k:a"), utf8("2"), "what it wrote");
  },

  "writes a batch exactly when its check holds": async (kv) => {
    const batch = checkedBatch(kv);
    if (!batch) return;
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const large = patternBytes(1_500_000);
    const stored: Record<string, Uint8Array> = { text: utf8("v"), empty: utf8(""), every, large };
    for (const [key, value] of Object.entries(stored)) await kv.set(`k:${key}`, value);
    const changed = (value: Uint8Array, at: number) => value.with(at, (value[at] as number) ^ 1);
    const cases: [what: string, check: KVCheck, holds: boolean][] = [
      ["a missing key is absent", { key: "k:none", value: null }, true],
      ["a missing key has a value", { key: "k:none", value: utf8("v") }, false],
      ["a missing key has an empty value", { key: "k:none", value: utf8("") }, false],
      ["the start of a key is absent", { key: "k:tex", value: null }, true],
      ["a present key is absent", { key: "k:text", value: null }, false],
      ["a present key has its value", { key: "k:text", value: utf8("v") }, true],
      ["its value, as a view of a larger buffer", { key: "k:text", value: utf8("uvw").subarray(1, 2) }, true],
      ["another value", { key: "k:text", value: utf8("w") }, false],
      ["more than its value", { key: "k:text", value: utf8("vv") }, false],
      ["an empty value instead of its own", { key: "k:text", value: utf8("") }, false],
      ["an empty value", { key: "k:empty", value: utf8("") }, true],
      ["an empty value, from within a buffer", { key: "k:empty", value: patternBytes(9).subarray(9) }, true],
      ["an empty value is absent", { key: "k:empty", value: null }, false],
      ["a zero byte instead of an empty value", { key: "k:empty", value: new Uint8Array(1) }, false],
      ["every byte there is", { key: "k:every", value: every }, true],
      ["all but the last byte", { key: "k:every", value: every.subarray(0, 255) }, false],
      ["another first byte", { key: "k:every", value: changed(every, 0) }, false],
      ["another last byte", { key: "k:every", value: changed(every, 255) }, false],
      ["a large value", { key: "k:large", value: large }, true],
      ["a large value with another last byte", { key: "k:large", value: changed(large, 1_499_999) }, false],
    ];
    for (const [what, check, holds] of cases) {
      assertEqual(await batch([put("w:", what)], [check]), holds, what);
      const written = await kv.get("w:");
      if (holds) assertBytes(written, utf8(what), `what was written: ${what}`);
      else assertEqual(written, null, `what was written: ${what}`);
      await kv.delete("w:");
    }
    for (const [key, value] of Object.entries(stored)) assertBytes(await kv.get(`k:${key}`), value, key);
  },

  "writes nothing unless every check holds, and keeps what it had": async (kv) => {
    const batch = checkedBatch(kv);
    if (!batch) return;
    await kv.set("k:a", utf8("1"));
    await kv.set("k:b", utf8("2"));
    const holding: KVCheck[] = [
      { key: "k:a", value: utf8("1") },
      { key: "k:none", value: null },
      { key: "k:b", value: utf8("2") },
    ];
    const ops: KVOp[] = [put("k:new", "new"), put("k:a", "changed"), { type: "delete", key: "k:b" }];
    for (let failing = 0; failing < holding.length; failing++) {
      const checks = holding.map((check, i) => (i === failing ? { ...check, value: utf8("other") } : check));
      assertEqual(await batch(ops, checks), false, `a batch whose check ${failing} fails`);
      assertEqual(keys((await kv.list({ prefix: "" })).entries), ["k:a", "k:b"], "keys after it");
      assertBytes(await kv.get("k:a"), utf8("1"), "a value after it");
    }
    assertEqual(await batch(ops, holding), true, "a batch whose checks all hold");
    assertEqual(keys((await kv.list({ prefix: "" })).entries), ["k:a", "k:new"], "keys after that");
    assertBytes(await kv.get("k:a"), utf8("changed"), "a value after that");
  },

  "checks what a key had before the batch, whatever the batch does to it": async (kv) => {
    const batch = checkedBatch(kv);
    if (!batch) return;
    const absent: KVCheck = { key: "k:a", value: null };
    assertEqual(await batch([put("k:a", "1")], [{ key: "k:a", value: utf8("1") }]), false, "its new value");
    assertEqual(await kv.get("k:a"), null, "the key after that");
    assertEqual(await batch([put("k:a", "1")], [absent]), true, "set if absent");
    assertEqual(await batch([put("k:a", "2")], [absent]), false, "set if absent, again");
    assertBytes(await kv.get("k:a"), utf8("1"), "the value of the first");
    const one: KVCheck = { key: "k:a", value: utf8("1") };
    assertEqual(await batch([put("k:a", "2"), put("k:a", "1")], [one, one]), true, "changed and back");
    assertEqual(await batch([{ type: "delete", key: "k:a" }], [absent]), false, "deleted if absent");
    assertEqual(await batch([{ type: "delete", key: "k:a" }], [one]), true, "deleted if it has a value");
    assertEqual(await kv.get("k:a"), null, "the key at last");
  },

  "answers checks without writes": async (kv) => {
    const batch = checkedBatch(kv);
    if (!batch) return;
    await kv.set("k:a", utf8("1"));
    assertEqual(await batch([], [{ key: "k:a", value: utf8("1") }]), true, "a check that holds");
    assertEqual(await batch([], [{ key: "k:a", value: null }]), false, "a check that fails");
    assertEqual(await batch([], [{ key: "k:b", value: null }]), true, "a key that is absent");
    assertEqual(keys((await kv.list({ prefix: "" })).entries), ["k:a"], "keys");
  },

  "rejects a checked batch with a value that it refuses, and leaves nothing of it": async (kv) => {
    const batch = checkedBatch(kv);
    if (!batch) return;
    const over: KVOp = { type: "set", key: "k:over", value: new Uint8Array(kv.caps.maxValue + 1) };
    const written = await batch([put("k:new", "1"), over], [{ key: "k:new", value: null }]).catch(() => null);
    assert(written !== false, "a refused value was told as a failed check");
    const left = keys((await kv.list({ prefix: "" })).entries);
    assertEqual(left, written === null ? [] : ["k:new", "k:over"], "keys");
    assertEqual(await batch([put("k:next", "1")], [{ key: "k:next", value: null }]), true, "the next batch");
  },

  "lets exactly one of many writers with the same check win": async (kv, { open }) => {
    if (!checkedBatch(kv)) return;
    const openings = open ? [kv, await open()] : [kv];
    for (let round = 0; round < 20; round++) {
      const key = `k:${round}`;
      const writers = Array.from({ length: 16 }, async (_, who) => {
        const batch = checkedBatch(openings[who % openings.length] as KV) as CheckedBatch;
        const ops = [put(key, String(who)), put(`${key}:${who}`, "")];
        return batch(ops, [{ key, value: null }]);
      });
      const won = (await Promise.all(writers)).flatMap((isWritten, who) => (isWritten ? [who] : []));
      assertEqual(won.length, 1, `writers that won round ${round}`);
      assertBytes(await kv.get(key), utf8(String(won[0])), "the winner's value");
      const { entries } = await kv.list({ prefix: `${key}:` });
      assertEqual(keys(entries), [`${key}:${won[0]}`], "what the winner alone wrote");
    }
  },

  "loses none of hundreds of interleaved increments": async (kv, { open }) => {
    if (!checkedBatch(kv)) return;
    const openings = open ? [kv, await open()] : [kv];
    const random = randomFrom(13);
    const increment = async (store: KV): Promise<void> => {
      const batch = checkedBatch(store) as CheckedBatch;
      // Each refusal is another's success.
      for (let tries = 0; ; tries++) {
        assert(tries < 400, "a write was refused more often than others succeeded");
        const value = await store.get("k:count");
        const count = value === null ? 0 : Number(new TextDecoder().decode(value));
        for (let turns = random(4); turns > 0; turns--) await Promise.resolve();
        if (await batch([put("k:count", String(count + 1))], [{ key: "k:count", value }])) return;
      }
    };
    const writers = Array.from({ length: 8 }, async (_, who) => {
      for (let i = 0; i < 50; i++) await increment(openings[who % openings.length] as KV);
    });
    await Promise.all(writers);
    for (const store of openings) assertBytes(await store.get("k:count"), utf8("400"), "the count");
  },
};
