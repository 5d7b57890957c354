import assert from "node:assert/strict";
import test from "node:test";
import "../../../js/entry/node.ts";
import { layOut } from "../../../js/page/reader/layout.ts";
import type { Row } from "../../../js/page/reader/protocol.ts";

const encoder = new TextEncoder();
const lay = (text: string, param: string | null = null) => {
  const bytes = encoder.encode(text);
  return layOut(1, bytes, bytes.length, param);
};
const shown = (rows: Row[]) =>
  rows.map(
    ({ depth, spans, marked }) =>
      `${marked ? ">" : " "}${"  ".repeat(depth)}${spans.map((s) => s.text).join("")}`,
  );

test("a line is laid out as a person would, with short lists in rows", () => {
  const { rows, fault } = lay('{"a": {"b": [], "c": {}}, "d":["x",  [1,2, 3], {"e":null}]}');
  assert.equal(fault, null);
  assert.deepEqual(shown(rows), [
    " {",
    '   "a": {',
    '     "b": [],',
    '     "c": {}',
    "   },",
    '   "d": [',
    '     "x",',
    "     [",
    "       1, 2, 3",
    "     ],",
    "     {",
    '       "e": null',
    "     }",
    "   ]",
    " }",
  ]);
});

test("the faulty member is marked, the last one where there are several, and none of that name elsewhere", () => {
  const text = '{"model":"no","x":{"model":1},"body":{"model":1,"m":{"model":2},"mod\\u0065l":3}}';
  assert.deepEqual(
    shown(lay(text, "body.model").rows).filter((row) => row.startsWith(">")),
    ['>    "mod\\u0065l": 3'],
  );
});

test("a missing member has a row of its own where it could stand", () => {
  const body = shown(lay('{"custom_id":"a","body":{"model":"m"}}', "body.messages").rows);
  assert.deepEqual(body.slice(2, 5), [
    '   "body": {',
    '>    "messages" is missing here',
    '     "model": "m"',
  ]);
  assert.deepEqual(shown(lay("{}", "custom_id").rows), [" {}", '>  "custom_id" is missing here']);
});

test("where the JSON breaks, the very character is marked and the rest shown as it stands", () => {
  const { rows, fault } = lay('{"a": 1, b: 2}');
  assert.equal(fault?.offset, 9);
  assert.deepEqual(shown(rows), [" {", '   "a": 1,', ">  b: 2}"]);
  assert.deepEqual(rows.at(-1)?.spans[0], { text: "b", kind: "fault" });
  assert.equal(shown(lay('{"a": 1').rows).at(-1), '>  "a": 1▲ the line ends here');
});

test("a mark far beyond the beginning is still shown, with the rows around it", () => {
  const list = Array.from({ length: 10_000 }, (_, i) => `"${i}"`).join(",");
  const rows = shown(lay(`{"a":[${list}],"body":{"b":1},"c":[${list}]}`, "body.b").rows);
  assert.ok(rows.length < 600, `${rows.length} rows`);
  assert.ok(rows.includes('>    "b": 1'));
  assert.ok(rows.some((row) => /… [\d,]+ rows left out …/.test(row)));
});

test("long strings are left out in their middle, between characters", () => {
  const [, row] = lay(`{"a":"${"é😀".repeat(100_000)}"}`).rows;
  const text = row?.spans.map((span) => span.text).join("") ?? "";
  assert.ok(text.length < 700, `${text.length} characters`);
  assert.match(text, /… [\d,]+ bytes …/);
  assert.doesNotMatch(text, /\ufffd/);
});

test("what cannot be seen or turns the text around is written out", () => {
  const [, row] = lay('{"a":"x\u202ey\u200bz"}').rows;
  assert.equal(row?.spans.at(-1)?.text, '"x␛202ey␛200bz"');
});
