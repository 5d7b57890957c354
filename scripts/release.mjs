// `npm run release -- --dry-run`: everything a release consists of, in release/: the npm package, the crate, the components where there
// are any, the context of the image, notes, an SBOM and checksums. `--check` builds twice and compares. Nothing is published from here:
// .github/workflows/release.yml does that, from a tag, with what this builds.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { env, root, targetDir } from "./lib/env.mjs";
import { capture, Failure, isMain, main, run, say, seconds } from "./lib/process.mjs";
import { imageContext } from "./release/image.mjs";
import { sbom } from "./release/sbom.mjs";
import { checkTwice } from "./release/twice.mjs";
import { notes, version } from "./release/versions.mjs";

const out = join(root, "release");
const read = (file) => readFileSync(join(root, file), "utf8");

/** The time that everything is said to be of: SOURCE_DATE_EPOCH, or else that of the commit. */
function sourceTime() {
  const text = process.env.SOURCE_DATE_EPOCH ?? capture("git", ["log", "-1", "--format=%ct"]);
  if (!/^\d+$/.test(text ?? ""))
    throw new Failure(`release: SOURCE_DATE_EPOCH is not a time in seconds: ${text}`);
  return Number(text);
}

/** The package as npm publishes it. The files are built before, so that its own script finds nothing to do. */
function npmPackage() {
  run("npm", ["pack", "--silent", "--pack-destination", out], { stdio: ["ignore", "ignore", "inherit"] });
}

function crate(wanted) {
  // Compiled from its own archive, as whoever uses it does.
  run("cargo", ["package", "--quiet", "--locked"]);
  copyFileSync(join(targetDir, `package/edgebatch-${wanted}.crate`), join(out, `edgebatch-${wanted}.crate`));
}

/** The components of component/, by the build's own script. */
function components(wanted) {
  if (!existsSync(join(root, "component"))) {
    say("release: no components: this checkout has no component/");
    return;
  }
  run(process.execPath, ["scripts/build.mjs", "component"]);
  const from = join(targetDir, "components");
  const made = existsSync(from) ? readdirSync(from).filter((name) => name.endsWith(".wasm")) : [];
  if (made.length === 0)
    throw new Failure("release: component/ is there, but no component was built from it");
  for (const name of made)
    copyFileSync(join(from, name), join(out, name.replace(/\.wasm$/, `-${wanted}.wasm`)));
}

function checksums() {
  const names = readdirSync(out).sort();
  const lines = names.map((name) => {
    const bytes = readFileSync(join(out, name));
    return `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
  });
  writeFileSync(join(out, "SHA256SUMS"), lines.join(""));
}

/** Builds everything into release/. */
function rehearse() {
  const start = performance.now();
  const wanted = version(read);
  const { date, text } = notes(read("CHANGELOG.md"), wanted);
  if (date === null) say(`release: CHANGELOG.md has no date for ${wanted}: the workflow would refuse it`);
  const changed = capture("git", ["status", "--porcelain"]);
  if (changed !== "") throw new Failure(`release: commit first, a release is of a commit:\n${changed}`);
  const time = sourceTime();
  build();
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  env.SOURCE_DATE_EPOCH = String(time);
  npmPackage();
  crate(wanted);
  components(wanted);
  writeFileSync(join(out, `edgebatch-${wanted}-image-context.tar`), imageContext(time));
  writeFileSync(join(out, "NOTES.md"), text);
  writeFileSync(join(out, `edgebatch-${wanted}.cdx.json`), sbom(wanted, time));
  checksums();
  say(
    `${read("release/SHA256SUMS")}release: ${wanted}, in release/ in ${seconds(start)}; nothing is published`,
  );
}

/** Whether this commit may be published under a tag. */
function checkTag(tag) {
  const wanted = version(read);
  if (tag !== `v${wanted}`) throw new Failure(`release: the tag is ${tag}, the version ${wanted}`);
  if (notes(read("CHANGELOG.md"), wanted).date === null) {
    throw new Failure(`release: CHANGELOG.md has no date for ${wanted}`);
  }
}

if (isMain(import.meta.url)) {
  main(() => {
    const [what, value, ...more] = process.argv.slice(2);
    if (what === "--dry-run" && value === undefined) return rehearse();
    if (what === "--check" && value === undefined) return checkTwice();
    if (what === "--tag" && value !== undefined && more.length === 0) return checkTag(value);
    throw new Failure(
      "release: nothing is published from here. --dry-run builds what a release consists of, --check does it twice and compares, " +
        "--tag NAME says whether a tag fits",
    );
  });
}
