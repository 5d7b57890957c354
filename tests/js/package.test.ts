import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("npm package and crate have the same version", () => {
  const npm = (JSON.parse(read("package.json")) as { version: string }).version;
  assert.equal(/^version = "(.+)"$/m.exec(read("Cargo.toml"))?.[1], npm);
});

test("the tests run on the Node that the package asks for", () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  assert.ok(major > 22 || (major === 22 && minor >= 13), process.version);
});
