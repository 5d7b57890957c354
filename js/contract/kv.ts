/** What every {@link KV} must keep. */

import { assert, assertBytes, assertEqual, assertRejects, patternBytes, randomFrom } from "./assert.ts";
import { checkTests } from "./kv/checks.ts";
import { fill, type KVChecks, type KVSubject, keys, shuffled } from "./kv/subject.ts";
import { type ContractTest, suite } from "./suite.ts";

export type { KVSubject };

/** Tests for a key-value store; `make` is called for each. An eventual store must make each test see its own writes. */
export function kvContract(make: () => Promise<KVSubject>): ContractTest[] {
  const checks = Object.entries({ ...tests, ...checkTests });
  const bound = checks.map(([name, check]) => [name, (subject: KVSubject) => check(subject.kv, subject)]);
  return suite("A key-value store", Object.fromEntries(bound), make);
}

// biome-ignore format: a list
/** In the order of their UTF-8 bytes. JavaScript's own order puts the emoji before U+E000 and U+FF5E. */
const ORDERED = [
  "k:", "k:\u0000", "k: ", "k:0", "k:10", "k:9", "k:A", "k:a", "k:a\u0000b", "k:aa", "k:b", "k:~", "k:\u007f",
  "k:é", "k:éa", "k:߿", "k:ࠀ", "k:日本", "k:\ud7ff", "k:\ue000", "k:\ufeff", "k:\uff5e", "k:\uffff", "k:\u{10000}",
  "k:😀", "k:😀a", "k:😁", "k:\u{10ffff}", "k:\u{10ffff}a",
];
const text = new TextEncoder();

const tests: KVChecks = {
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
    await kv.set("k:none", text.encode(""));
    await kv.batch?.([{ type: "set", key: "k:none", value: patternBytes(9).subarray(9) }]);
    assertBytes(await kv.get("k:none"), new Uint8Array(0), "get of another kind of empty value");
    assertEqual(keys((await kv.list({ prefix: "k:" })).entries), ["k:empty", "k:none"], "keys");
  },

  "replaces a value that is set again": async (kv) => {
    await kv.set("k:a", text.encode("a long first value"));
    await kv.set("k:a", text.encode("second"));
    assertBytes(await kv.get("k:a"), text.encode("second"), "get");
    assertEqual((await kv.list({ prefix: "" })).entries.length, 1, "entries listed");
  },

  "forgets a deleted key, and deletes a missing one without an error": async (kv) => {
    await kv.set("k:a", text.encode("1"));
    await kv.delete("k:a");
    await kv.delete("k:a");
    await kv.delete("k:never");
    assertEqual(await kv.get("k:a"), null, "get");
    assertEqual((await kv.list({ prefix: "" })).entries, [], "entries");
    await kv.set("k:a", text.encode("2"));
    assertBytes(await kv.get("k:a"), text.encode("2"), "get after setting it again");
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
    const value = text.encode("first");
    await kv.set("k:a", value);
    const op = text.encode("first");
    await kv.batch?.([{ type: "set", key: "k:b", value: op }]);
    value.fill(0);
    op.fill(0);
    assertBytes(await kv.get("k:a"), text.encode("first"), "get");
    if (kv.batch) assertBytes(await kv.get("k:b"), text.encode("first"), "get after batch");
  },

  "does not see what the caller does to a returned array": async (kv) => {
    await kv.set("k:a", text.encode("first"));
    (await kv.get("k:a"))?.fill(0);
    (await kv.list({ prefix: "k:" })).entries[0]?.[1].fill(0);
    assertBytes(await kv.get("k:a"), text.encode("first"), "get");
  },

  "lists keys in the order of their UTF-8 bytes, and in its reverse": async (kv) => {
    for (const key of shuffled(ORDERED)) await kv.set(key, text.encode(key));
    const { entries, more } = await kv.list({ prefix: "k:" });
    assertOrder(keys(entries), ORDERED, "the order of their UTF-8 bytes, which is not JavaScript's");
    assertEqual(more, false, "more");
    for (const [key, value] of entries)
      assertBytes(value, text.encode(key), `value of ${JSON.stringify(key)}`);
    const down = await kv.list({ prefix: "k:", reverse: true });
    assertOrder(keys(down.entries), [...ORDERED].reverse(), "the reverse order of their UTF-8 bytes");
  },

  "lists only what starts with the prefix, which may be a key itself": async (kv) => {
    const all = ["a", "a:", "a:1", "a:10", "a:1:x", "a:2", "a;", "b"];
    await fill(kv, all);
    for (const prefix of ["", "a", "a:", "a:1", "a:1:", "a:3", "b", "c", "A"]) {
      const expected = all.filter((key) => key.startsWith(prefix));
      assertEqual(keys((await kv.list({ prefix })).entries), expected, `prefix '${prefix}'`);
      const down = await kv.list({ prefix, reverse: true });
      assertEqual(keys(down.entries), expected.reverse(), `prefix '${prefix}' in reverse`);
    }
  },

  "finds the end of a prefix of high code points": async (kv) => {
    const all = [
      "k",
      "k\u007f",
      "kÿ",
      "kÿa",
      "kĀ",
      "k\ud7ff",
      "k\ud7ffa",
      "k\ue000",
      "k\uffff",
      "k\uffffa",
      "k😀",
      "k😀z",
    ];
    const last = ["k\u{10ffff}", "k\u{10ffff}a", "l", "\u{10ffff}", "\u{10ffff}\u{10ffff}"];
    await fill(kv, [...all, ...last]);
    for (const prefix of [...all, ...last]) {
      const expected = [...all, ...last].filter((key) => key.startsWith(prefix));
      const what = `prefix ${JSON.stringify(prefix)}`;
      assertEqual(keys((await kv.list({ prefix })).entries), expected, what);
      const down = await kv.list({ prefix, reverse: true });
      assertEqual(keys(down.entries), expected.reverse(), `${what} in reverse`);
    }
  },

  "takes no character of a prefix for a wildcard": async (kv) => {
    const all = ["a%b", "a*b", "a?b", "a[b", "a\\b", "a_b", "axb"];
    await fill(kv, all);
    for (const key of all) {
      assertEqual(keys((await kv.list({ prefix: key.slice(0, 2) })).entries), [key], key.slice(0, 2));
    }
  },

  "starts behind `after`, whether or not it exists": async (kv) => {
    await fill(kv, ["j:9", "k:1", "k:3", "k:5", "l:0"]);
    const cases: [after: string, up: string[], down: string[]][] = [
      ["", ["k:1", "k:3", "k:5"], []],
      ["k:3", ["k:5"], ["k:1"]],
      ["k:4", ["k:5"], ["k:3", "k:1"]],
      ["k:3\u0000", ["k:5"], ["k:3", "k:1"]],
      ["k:1", ["k:3", "k:5"], []],
      ["k:5", [], ["k:3", "k:1"]],
      ["k:", ["k:1", "k:3", "k:5"], []],
      ["a", ["k:1", "k:3", "k:5"], []],
      ["j:9", ["k:1", "k:3", "k:5"], []],
      ["l:0", [], ["k:5", "k:3", "k:1"]],
      ["z", [], ["k:5", "k:3", "k:1"]],
    ];
    for (const [after, up, down] of cases) {
      assertEqual(keys((await kv.list({ prefix: "k:", after })).entries), up, `after '${after}'`);
      const reversed = await kv.list({ prefix: "k:", after, reverse: true });
      assertEqual(keys(reversed.entries), down, `after '${after}' in reverse`);
    }
  },

  "says that there is more exactly when there is": async (kv) => {
    await fill(kv, ["j", "k:1", "k:2", "k:3", "l"]);
    for (const reverse of [false, true]) {
      const expected = reverse ? ["k:3", "k:2", "k:1"] : ["k:1", "k:2", "k:3"];
      for (const limit of [1, 2, 3, 4]) {
        const page = await kv.list({ prefix: "k:", limit, reverse });
        assertEqual(keys(page.entries), expected.slice(0, limit), `limit ${limit}`);
        assertEqual(page.more, limit < 3, `more of limit ${limit}`);
      }
      const rest = await kv.list({ prefix: "k:", limit: 2, after: expected[0] as string, reverse });
      assertEqual([keys(rest.entries), rest.more], [expected.slice(1), false], "the last page");
    }
  },

  "gives 1,000 entries where no limit is said": async (kv) => {
    const all = Array.from({ length: 1001 }, (_, i) => `k:${String(i).padStart(5, "0")}`);
    await fill(kv, all);
    const page = await kv.list({ prefix: "k:" });
    assertEqual([page.entries.length, page.more], [1000, true], "entries and more");
    await kv.delete(all[1000] as string);
    const whole = await kv.list({ prefix: "k:" });
    assertEqual([whole.entries.length, whole.more], [1000, false], "entries and more of 1,000");
    const large = await kv.list({ prefix: "k:", limit: 5000 });
    assert(large.entries.length <= 1000, "more entries than there are");
    assert(large.entries.length === 1000 || large.more, "fewer entries than there are, and no more");
  },

  "has `batch` exactly when it says that it is atomic": async (kv) => {
    assertEqual(typeof kv.batch === "function", kv.caps.atomic, "batch");
    assert(["strong", "eventual"].includes(kv.caps.consistency), `consistency is '${kv.caps.consistency}'`);
  },

  "carries out a batch in order": async (kv) => {
    if (!kv.batch) return;
    await fill(kv, ["k:old", "k:twice"]);
    await kv.batch([
      { type: "set", key: "k:twice", value: text.encode("1") },
      { type: "set", key: "k:twice", value: text.encode("2") },
      { type: "set", key: "k:gone", value: text.encode("1") },
      { type: "delete", key: "k:gone" },
      { type: "delete", key: "k:old" },
      { type: "delete", key: "k:back" },
      { type: "set", key: "k:back", value: text.encode("3") },
      { type: "delete", key: "k:never" },
    ]);
    const { entries } = await kv.list({ prefix: "k:" });
    assertEqual(keys(entries), ["k:back", "k:twice"], "keys");
    assertBytes(await kv.get("k:twice"), text.encode("2"), "the later of two writes");
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
    await kv.set("k:old", text.encode("kept"));
    const over = new Uint8Array(kv.caps.maxValue + 1);
    const failed = await kv
      .batch([
        { type: "set", key: "k:new", value: text.encode("new") },
        { type: "delete", key: "k:old" },
        { type: "set", key: "k:over", value: over },
      ])
      .then(
        () => false,
        () => true,
      );
    const found = keys((await kv.list({ prefix: "k:" })).entries);
    assertEqual(found, failed ? ["k:old"] : ["k:new", "k:over"], failed ? "keys after it failed" : "keys");
    await kv.batch([{ type: "set", key: "k:new", value: text.encode("next") }]);
    assertBytes(await kv.get("k:new"), text.encode("next"), "the next batch");
  },

  "shows each of many writes made at once": async (kv) => {
    const all = Array.from({ length: 100 }, (_, i) => `k:${100 + i}`);
    await Promise.all(all.map((key) => kv.set(key, text.encode(key))));
    assertEqual(keys((await kv.list({ prefix: "k:" })).entries), all, "keys");
    for (const key of all) assertBytes(await kv.get(key), text.encode(key), key);
  },

  "lets one at a time run its batches, if it has a lock": async (kv) => {
    if (!kv.lock) return;
    const lock = await kv.lock();
    const error = await assertRejects(kv.lock(), "a second lock");
    // By its name: a host need not have the class from the same copy of the package.
    const name = error instanceof Error ? error.name : String(error);
    assertEqual(name, "StoreInUseError", "what a second lock rejects with");
    await kv.set("k:a", text.encode("1"));
    assertBytes(await kv.get("k:a"), text.encode("1"), "get while it is locked");
    await lock.release();
    await lock.release();
    await (await kv.lock()).release();
  },

  "keeps everything when it is opened again": async (kv, { reopen }) => {
    if (!reopen) return;
    for (const key of ORDERED) await kv.set(key, text.encode(key));
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
    for (const [key, value] of found.entries) assertBytes(value, text.encode(key), key);
  },

  "behaves as a sorted list through thousands of random calls": async (kv) => {
    const random = randomFrom(20261122);
    const alphabet = ["", "a", "b", ":", "ÿ", "\ud7ff", "\ue000", "\uffff", "😀", "\u{10ffff}"];
    const word = (most: number): string =>
      Array.from({ length: random(most) + 1 }, () => alphabet[random(alphabet.length)]).join("");
    const model = new Map<string, number>();
    for (let step = 0; step < 3000; step++) {
      const key = `k${word(4)}`;
      const kind = random(10);
      if (kind < 4) {
        await kv.set(key, text.encode(String(step)));
        model.set(key, step);
      } else if (kind < 6) {
        await kv.delete(key);
        model.delete(key);
      } else if (kind < 7) {
        const value = await kv.get(key);
        assertEqual(
          value && Number(new TextDecoder().decode(value)),
          model.get(key) ?? null,
          `step ${step}, get`,
        );
      } else {
        const query = {
          prefix: random(4) === 0 ? "" : `k${word(2)}`,
          limit: random(20) + 1,
          reverse: random(2) === 0,
          ...(random(2) === 0 && { after: `k${word(3)}` }),
        };
        const page = await kv.list(query);
        const found = [keys(page.entries), page.more];
        assertEqual(found, expectedPage(model, query), `step ${step}, list of ${JSON.stringify(query)}`);
        for (const [k, v] of page.entries) {
          assertEqual(
            new TextDecoder().decode(v),
            String(model.get(k)),
            `step ${step}, value of ${JSON.stringify(k)}`,
          );
        }
      }
    }
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

function expectedPage(
  model: Map<string, number>,
  query: { prefix: string; after?: string; limit: number; reverse: boolean },
): [string[], boolean] {
  const way = query.reverse ? -1 : 1;
  const all = [...model.keys()]
    .filter((key) => key.startsWith(query.prefix))
    .filter((key) => query.after === undefined || bytesOrder(key, query.after) * way > 0)
    .sort((a, b) => bytesOrder(a, b) * way);
  return [all.slice(0, query.limit), all.length > query.limit];
}

function bytesOrder(a: string, b: string): number {
  const [x, y] = [text.encode(a), text.encode(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return (x[i] as number) - (y[i] as number);
  }
  return x.length - y.length;
}

/** Names the first key that stands wrong; all of them would be a wall of private-use characters. */
function assertOrder(actual: string[], expected: string[], order: string): void {
  const at = expected.findIndex((key, i) => key !== actual[i]);
  const after = at > 0 ? ` after ${escaped(expected[at - 1])}` : "";
  const where = `expected ${escaped(expected[at])}${after}, but got ${escaped(actual[at])}`;
  assert(at < 0, `${where}: keys come in ${order}`);
  assertEqual(actual.length, expected.length, "how many keys");
}

function escaped(key: string | undefined): string {
  if (key === undefined) return "nothing";
  const text = [...key].map((c) => (/[ -~]/.test(c) ? c : `\\u{${c.codePointAt(0)?.toString(16)}}`));
  return `"${text.join("")}"`;
}
