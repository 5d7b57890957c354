// The core as WebAssembly components, one for each world of component/wit: `node scripts/build.mjs component`. Kept in
// target/components, with what jco makes of the validator for JavaScript.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { root, target, targetDir, wasmEnv } from "../lib/env.mjs";
import { contentHash, filesUnder } from "../lib/files.mjs";
import { Failure, run, say, seconds } from "../lib/process.mjs";
import { forSpeedAndSize, wasmOpt } from "./wasm.mjs";

/** The worlds, and what each component may weigh after gzip. */
const budgets = { validator: 60 * 1024, batches: 230 * 1024 };

export const worlds = Object.keys(budgets);

const folder = join(root, "target/components");

/** The component of a world, as a path from the root. */
export const componentFile = (world) => `target/components/edgebatch-${world}.wasm`;

/** What jco makes of the validator: an ES module for Node and browsers. */
export const transpiled = "target/components/js/validator.js";

/** Builds the components if something of them has changed. */
export async function buildComponents(versions) {
  const inputs = filesUnder(
    [
      "src",
      "component",
      "Cargo.toml",
      ".cargo/config.toml",
      "package-lock.json",
      "scripts/build/component.mjs",
      "scripts/build/wasm.mjs",
    ],
    (file) => file === "component/host",
  );
  const key = contentHash(inputs, versions.rust);
  const stamp = join(folder, ".stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;
  rmSync(folder, { recursive: true, force: true });
  await make();
  writeFileSync(stamp, key);
}

async function make() {
  // Loaded here, as the packages may just have been installed.
  const { transpileBytes } = await import("@bytecodealliance/jco-transpile");
  const { componentNew } = await import("@bytecodealliance/jco-transpile/wasm-tools");
  for (const world of worlds) {
    const start = performance.now();
    say(`build: Rust to a component, ${world} (cargo build --release) …`);
    const file = join(root, componentFile(world));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await componentNew(compiled(world), []));
    say(`build: component ${world} in ${seconds(start)}`);
    checkSize(world);
  }
  const bytes = readFileSync(join(root, componentFile("validator")));
  const { files } = await transpileBytes(bytes, { name: "validator", minify: false });
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, dirname(transpiled), name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** The module of one world, optimised. It says itself what is to become of it: `wit-bindgen` wrote the world into it. */
function compiled(world) {
  const own = join(targetDir, "component");
  const args = ["build", "--quiet", "--locked", "--release", "--target", target, "--features", world];
  run("cargo", [...args, ...forSpeedAndSize], {
    cwd: join(root, "component"),
    env: { ...wasmEnv(), CARGO_TARGET_DIR: own },
  });
  const module = join(own, target, "release/edgebatch_component.wasm");
  const optimised = join(own, "optimised.wasm");
  wasmOpt(module, optimised, ["--strip-debug"]);
  return readFileSync(optimised);
}

function checkSize(world) {
  const bytes = readFileSync(join(root, componentFile(world)));
  const [size, zipped] = [bytes.length, gzipSync(bytes, { level: 9 }).length];
  const kib = (count) => `${(count / 1024).toFixed(1)} KiB`;
  const text = `component ${world} is ${kib(size)}, gzipped ${kib(zipped)} of at most ${kib(budgets[world])}`;
  if (zipped > budgets[world]) throw new Failure(`size: ${text}: over the budget`);
  say(`size: ${text}`);
}
