import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("npm package and crate have the same version", () => {
  const npm = (JSON.parse(read("package.json")) as { version: string }).version;
  assert.equal(/^version = "(.+)"$/m.exec(read("Cargo.toml"))?.[1], npm);
});

test("the crate holds the project's own files alone, built and set up as it is", () => {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const listed = execFileSync("cargo", ["package", "--list", "--allow-dirty", "--offline"], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const files = listed.trim().split("\n");
  assert.ok(files.includes("src/lib.rs") && files.includes("LICENSE-MIT"), files.join());
  const generated = /^(\.cargo_vcs_info\.json|Cargo\.(lock|toml|toml\.orig))$/;
  const ours = /^(src|tests|docs|examples)\/|^(LICENSE(-\w+)?|[A-Z]+\.md)$/;
  assert.deepEqual(
    files.filter((file) => !generated.test(file) && (!ours.test(file) || file.startsWith("tests/js/"))),
    [],
  );
});

test("the tests run on the Node that the package asks for", () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  assert.ok(major > 22 || (major === 22 && minor >= 13), process.version);
});
