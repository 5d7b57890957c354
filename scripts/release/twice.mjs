// Whether the release can be made again: the commit is built in two folders of different names and depths, and what
// comes out must have the same hashes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { env, root } from "../lib/env.mjs";
import { Failure, run, say } from "../lib/process.mjs";

/** The lines of two lists of checksums that differ, by the names of their files. */
export function differing(one, other) {
  const read = (text) =>
    new Map(
      text
        .trim()
        .split("\n")
        .map((line) => line.split("  ").reverse()),
    );
  const [first, second] = [read(one), read(other)];
  return [...new Set([...first.keys(), ...second.keys()])].filter(
    (name) => first.get(name) !== second.get(name),
  );
}

/** Builds twice and compares; the folders are left where the two differ. */
export function checkTwice() {
  const temporary = mkdtempSync(join(tmpdir(), "edgebatch-release-"));
  const folders = [join(temporary, "one"), join(temporary, "another/and/deeper")];
  const sums = folders.map((folder) => {
    say(`release: building the last commit in ${folder} …`);
    mkdirSync(dirname(folder), { recursive: true });
    run("git", ["clone", "--quiet", "--no-hardlinks", root, folder]);
    const { CARGO_TARGET_DIR: _, ...rest } = env;
    run(process.execPath, ["scripts/release.mjs", "--dry-run"], { cwd: folder, env: rest });
    return readFileSync(join(folder, "release/SHA256SUMS"), "utf8");
  });
  const names = differing(...sums);
  if (names.length > 0) {
    throw new Failure(
      `release: two builds differ in\n  ${names.join("\n  ")}\n  They are in ${folders.join(" and ")}`,
    );
  }
  rmSync(temporary, { recursive: true });
  say(`release: two builds are the same:\n${sums[0].trim()}`);
}
