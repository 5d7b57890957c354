// tests/SEED.md lists every test of the behaviours asked for, and each is in all four places, rows included.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import cases from "../data/seed_cases.json" with { type: "json" };

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");

/** The names in SEED.md, a name for each row of a test. */
const listed = [...read("SEED.md").matchAll(/^\| (test_\w+) +\| ([^|]*)\|/gm)].flatMap(([, name, rows]) => {
  const named = (rows as string).split(",").map((row) => row.trim());
  return named.map((row) => (row === "" ? (name as string) : `${name}__${row}`));
});

/** Every line of code that names a test, once for each time it does. */
function named(file: string): string[] {
  const code = read(file).replace(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/\btest_\w+/g)].map(([name]) => name);
}

test("no behaviour is listed twice, and the sums at the top are right", () => {
  assert.equal(new Set(listed).size, listed.length);
  const tests = new Set(listed.map((name) => name.split("__")[0]));
  assert.match(
    read("SEED.md"),
    new RegExp(`^Each of the ${tests.size} tests below, ${listed.length} with`, "m"),
  );
});

const component = "../component/host/tests/behaviours/seed.rs";
for (const file of ["core/seed.rs", "seed_wasm.rs", component, "js/seed.test.ts"]) {
  test(`${file} has each listed test once, and no other`, () => {
    assert.deepEqual(named(file).sort(), [...listed].sort());
  });
}

test("every case is the row of a listed test", () => {
  const rows = [cases.refused_creates, cases.refused_cancels, cases.inputs].flatMap((kind) =>
    Object.keys(kind),
  );
  assert.deepEqual(
    rows.filter((row) => !listed.includes(row)),
    [],
  );
});
