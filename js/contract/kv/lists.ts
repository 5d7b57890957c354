/** Lists: which entries, in what order, and how far. */

import { assert, assertBytes, assertEqual, randomFrom } from "../assert.ts";
import { fill, type KVChecks, keys, ORDERED, shuffled, utf8 } from "./subject.ts";

export const listTests: KVChecks = {
  "lists keys in the order of their UTF-8 bytes, and in its reverse": async (kv) => {
    for (const key of shuffled(ORDERED)) await kv.set(key, utf8(key));
    const { entries, more } = await kv.list({ prefix: "k:" });
    assertOrder(keys(entries), ORDERED, "the order of their UTF-8 bytes, which is not JavaScript's");
    assertEqual(more, false, "more");
    for (const [key, value] of entries) assertBytes(value, utf8(key), `value of ${JSON.stringify(key)}`);
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

  "starts after `after`, whether or not it exists": async (kv) => {
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

  "gives the same keys where nobody looks at the values": async (kv) => {
    await fill(kv, ["k:1", "k:2", "k:3"]);
    const page = await kv.list({ prefix: "k:", limit: 2, keys: true });
    assertEqual([keys(page.entries), page.more], [["k:1", "k:2"], true], "keys alone");
    assert(
      page.entries.every(([, value]) => value instanceof Uint8Array),
      "a value that is no array",
    );
    assertBytes(await kv.get("k:1"), utf8("k:1"), "the value all the same");
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
        await kv.set(key, utf8(String(step)));
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
  const [x, y] = [utf8(a), utf8(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return (x[i] as number) - (y[i] as number);
  }
  return x.length - y.length;
}

/** Names the first key that is out of order; all of them would be a wall of private-use characters. */
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
