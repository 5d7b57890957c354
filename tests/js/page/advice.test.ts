/** What to do about a line fits why the core refused it. */
import assert from "node:assert/strict";
import test from "node:test";
import { Validator } from "../../../js/entry/node.ts";
import { advice } from "../../../js/page/check/advice.ts";

function adviceOn(file: string | Uint8Array): { title: string; todo: string } {
  const validator = new Validator({ endpoint: "/v1/chat/completions", dialect: "openai" });
  validator.push(typeof file === "string" ? new TextEncoder().encode(file) : file);
  const [error, ...others] = validator.finish().errors;
  assert.ok(error && others.length === 0, JSON.stringify([error, ...others]));
  return advice(error.code, error.param, error.message);
}

test("what JSON libraries write as well is not answered with a JSON library", () => {
  const cases: [file: string | Uint8Array, words: RegExp][] = [
    [`{"a":"\\ud83d"}`, /middle of a character/],
    [`{"a":1e400}`, /smaller number/],
    [`{"a":${"[".repeat(200)}${"]".repeat(200)}}`, /Flatten/],
    [Buffer.from(`{"a":"caf\xe9"}`, "latin1"), /again as UTF-8/],
    [Buffer.from(`\ufeff{"a":1}\n{"a":1}\n`, "utf16le"), /again as UTF-8/],
    [Buffer.from(`{"a":1}\n`, "utf16le"), /again as UTF-8/],
    [Buffer.from("PK\x03\x04\x14\0\n\n\0\x01"), /Decompress it/],
    ["\n", /one request on each line/],
    [`{"a":"${"x".repeat(9 << 20)}"}`, /smaller/],
  ];
  for (const [file, words] of cases) {
    const { todo } = adviceOn(file);
    assert.match(todo, words);
    assert.doesNotMatch(todo, /Write lines with a JSON library/);
  }
  assert.match(adviceOn(`{"a":"x\ty"}`).todo, /as an escape/);
  assert.match(adviceOn("{'a': 1}").todo, /Write lines with a JSON library/);
});
