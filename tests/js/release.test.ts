/** A release is refused when its files disagree, and is made of the same bytes each time. */

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const load = (name: string) => import(join(root, `scripts/release/${name}.mjs`));
const { tar } = await load("tar");
const { notes, version } = await load("versions");
const { packages, sbom } = await load("sbom");
const { ignores } = await load("image");
const { differing } = await load("twice");

const release = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, "scripts/release.mjs"), ...args], { encoding: "utf8" });

suite("the version", () => {
  test("is the same in every file that says it", () => {
    assert.equal(version(read), JSON.parse(read("package.json")).version);
  });

  for (const file of ["package-lock.json", "Cargo.toml", "Cargo.lock", "CHANGELOG.md"]) {
    test(`is refused where ${file} says another, by name`, () => {
      const now = version(read);
      const changed = (name: string) => (name === file ? read(name).replaceAll(now, "9.8.7") : read(name));
      assert.throws(
        () => version(changed),
        new RegExp(`package.json says ${now}[\\s\\S]*${file} says 9.8.7`),
      );
    });
  }

  test("is the tag's, and has its date, before anything is published", () => {
    const { status, stderr } = release("--tag", "v9.8.7");
    assert.equal(status, 1);
    assert.match(stderr, /the tag is v9\.8\.7, the version /);
  });
});

suite("the notes", () => {
  const changelog =
    "# Changelog\n\n## [2.0.0] - Unreleased\n\n- New.\n\n## [1.0.0] - 2026-01-31\n\n### All\n\n- Old.\n";

  test("are the section of the version, and no other", () => {
    assert.deepEqual(notes(changelog, "1.0.0"), {
      date: "2026-01-31",
      text: "# edgebatch 1.0.0\n\n### All\n\n- Old.\n",
    });
    assert.deepEqual(notes(changelog, "2.0.0"), { date: null, text: "# edgebatch 2.0.0\n\n- New.\n" });
  });

  test("are refused where the changelog has none", () => {
    assert.throws(() => notes(changelog, "3.0.0"), /no section \[3\.0\.0\]/);
    assert.throws(() => notes("## [1.0.0] - 2026-01-31\n", "1.0.0"), /says nothing of 1\.0\.0/);
  });
});

suite("a tar", () => {
  const long = `${"folder/".repeat(20)}file.txt`;
  const files = [
    { path: "b.txt", content: Buffer.from("b".repeat(1000)), executable: false },
    { path: "a/run", content: Buffer.from("#!/bin/sh\n"), executable: true },
    { path: long, content: Buffer.alloc(0), executable: false },
  ];

  test("has the same bytes in whatever order its files are given", () => {
    assert(tar(files, 1_700_000_000).equals(tar(files.toReversed(), 1_700_000_000)));
    assert(!tar(files, 1_700_000_000).equals(tar(files, 1_700_000_001)));
  });

  test("is unpacked by tar, with paths, bytes and modes", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "edgebatch-tar-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "it.tar"), tar(files, 1_700_000_000));
    const { status, stderr } = spawnSync("tar", ["-xf", "it.tar"], { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    for (const { path, content, executable } of files) {
      assert(readFileSync(join(folder, path)).equals(content), path);
      assert.equal((statSync(join(folder, path)).mode & 0o100) !== 0, executable, path);
      assert.equal(statSync(join(folder, path)).mtimeMs, 1_700_000_000_000);
    }
  });
});

test("the SBOM is the same for the same components, in whatever order", () => {
  const [one, other] = ["a@1", "b@1"].map((ref) => ({ "bom-ref": ref, type: "library", name: ref }));
  const text = sbom("1.0.0", 1_700_000_000, [one, other]);
  assert.equal(sbom("1.0.0", 1_700_000_000, [other, one]), text);
  assert.notEqual(sbom("1.0.0", 1_700_000_000, [one]), text);
  assert.match(JSON.parse(text).serialNumber, /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

test("the SBOM has what the package needs and what is inside its bundles, each once, and no tool", () => {
  const names: string[] = packages().map(({ name }: { name: string }) => name);
  const wanted = [...Object.keys(JSON.parse(read("package.json")).dependencies), "preact", "@preact/signals"];
  assert.deepEqual(
    wanted.filter((name) => names.filter((other) => other === name).length !== 1),
    [],
  );
  assert.deepEqual(
    ["typescript", "esbuild", "wrangler"].filter((name) => names.includes(name)),
    [],
  );
});

test("the context of the image is without what .dockerignore names, and a pattern that is not read is refused", () => {
  const ignored = ignores(read(".dockerignore"));
  assert(["tests/js/core.test.ts", "docs/site/package.json", "x.tgz", "dist"].every(ignored));
  assert(!["src/lib.rs", "package.json", "scripts/build.mjs", "docs/server.md", "js/x.tgz"].some(ignored));
  assert.throws(() => ignores("**/x\n"), /not read here: \*\*\/x/);
});

test("two builds differ where a file has another hash, or is in one of them alone", () => {
  assert.deepEqual(differing("1  a\n2  b\n", "2  b\n1  a\n"), []);
  assert.deepEqual(differing("1  a\n2  b\n", "1  a\n3  b\n4  c\n"), ["b", "c"]);
});

test("nothing is published from a checkout", () => {
  for (const args of [[], ["--publish"], ["--dry-run", "--publish"]]) {
    const { status, stderr } = release(...args);
    assert.equal(status, 1, args.join(" "));
    assert.match(stderr, /nothing is published from here/);
  }
});

suite("the workflow", () => {
  const workflow = parse(read(".github/workflows/release.yml"));
  const jobs: [string, { steps: { uses?: string; run?: string }[]; permissions: Record<string, string> }][] =
    Object.entries(workflow.jobs);

  test("takes every action by the hash of its commit", () => {
    const used = jobs.flatMap(([, { steps }]) => steps.flatMap(({ uses }) => uses ?? []));
    assert(used.length > 10);
    assert.deepEqual(
      used.filter((name) => !/@[0-9a-f]{40}$/.test(name)),
      [],
    );
  });

  test("keeps no token, and says of every job what it may", () => {
    assert.deepEqual(
      [...read(".github/workflows/release.yml").matchAll(/secrets\.(\w+)/g)].map(([, name]) => name),
      ["GITHUB_TOKEN"],
    );
    assert(jobs.every(([, { permissions }]) => permissions !== undefined));
  });

  test("runs only what the release script and the files of the release have", () => {
    const commands = jobs.flatMap(([, { steps }]) => steps.flatMap(({ run }) => run ?? [])).join("\n");
    const options = [...commands.matchAll(/npm run release -- (--[a-z-]+)/g)].map(([, option]) => option);
    assert.deepEqual(options, ["--tag", "--check", "--dry-run"]);
    assert(readdirSync(join(root, "scripts")).includes("release.mjs"));
  });
});
