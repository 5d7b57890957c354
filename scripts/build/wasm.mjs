// The core as wasm: Rust compiled, wasm-bindgen's glue beside it, the optimiser over it. Kept in js/wasm, in three builds:
// the library's calls, what runs batches for it, and the page's, which only checks and makes files.
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { bin, node, root, target, targetDir, wasmEnv } from "../lib/env.mjs";
import { contentHash, filesUnder, unlessStamped } from "../lib/files.mjs";
import { Failure, run, say, seconds } from "../lib/process.mjs";

/** On level 2 the two of the library are smaller, and as fast; the page's would be slower, and hardly smaller. */
const smaller = ["--config", "profile.release.package.edgebatch.opt-level=2"];

/** The builds by the names of their files: what each exports, what it is made with, and may weigh after gzip. */
const builds = {
  // What is loaded with the library.
  edgebatch: { features: "check,service", options: smaller, budget: 160 * 1024 },
  // What runs batches, loaded when the first is run.
  turns: { features: "turns", options: smaller, budget: 180 * 1024 },
  // The page's, which visitors wait for, and the command line's for mending and making files.
  validator: { features: "check,repair,convert", options: [], budget: 80 * 1024 },
};

/** The declaration beside a wasm. */
const asModule = `/** The compiled module, as workerd and bundlers import it. */
declare const module: WebAssembly.Module;
export default module;
`;

const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
const out = join(targetDir, "wasm-bindgen");

// Hot functions say themselves that they are to be inlined; everywhere else a call is a third smaller, and no
// slower. Addresses are left as they are written: made over for loops, LLVM no longer knows that they cannot
// overflow, and adds them up itself where the instruction would. Loops are unrolled as on level 3, on level 2 too: it
// is what lines of megabytes are read by. And no path of this machine is to be in the file.
const llvm = ["-inline-threshold=10", "-inlinehint-threshold=120", "-disable-lsr", "-unroll-threshold=300"];
const flags = [...llvm.map((arg) => `-Cllvm-args=${arg}`), `--remap-path-prefix=${cargoHome}=/cargo`];

/** How the core is compiled for wasm, whatever it is bound to. */
export const forSpeedAndSize = ["--config", `target.${target}.rustflags=${JSON.stringify(flags)}`];

/** Runs the optimiser over a module. */
export function wasmOpt(from, to, options = []) {
  const features = ["simd", "bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals"];
  features.push("reference-types", "multivalue");
  const allowed = features.map((feature) => `--enable-${feature}`);
  run(node, [join(bin, "wasm-opt"), "-O3", ...allowed, ...options, from, "-o", to]);
}

/** The names of the builds. */
export const wasmNames = Object.keys(builds);

/** What cargo is told for a build's exports. */
export const wasmFeatures = (name) => ["--no-default-features", `--features=${builds[name].features}`];

/** The wasm of a build, as a path from the root. */
export const wasmFile = (name) => `js/wasm/${name}_bg.wasm`;

/** Builds the wasm if something of it has changed. */
export function buildWasm(versions) {
  const inputs = filesUnder([
    "src",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "scripts/build/wasm.mjs",
  ]);
  const key = contentHash(inputs, versions.rust, versions.wasmBindgen);
  return unlessStamped("js/wasm/.stamp", key, () => {
    rmSync(out, { recursive: true, force: true });
    for (const [name, { options }] of Object.entries(builds)) {
      compile(name, [...wasmFeatures(name), ...options]);
      optimise(name);
    }
    // As a module import the file is a WebAssembly.Module (workerd); wasm-bindgen describes the instance's exports.
    for (const name of ["edgebatch", "turns"]) writeFileSync(join(out, `${name}_bg.d.wasm.ts`), asModule);
    const to = join(root, "js/wasm");
    rmSync(to, { recursive: true, force: true });
    cpSync(out, to, { recursive: true });
  });
}

/** Rust to wasm, and the glue. */
function compile(name, options) {
  const start = performance.now();
  say(`build: Rust to wasm, ${name} (cargo build --release) …`);
  // All builds write the same file. One that has not changed, as its features leave out what has, would give the other's.
  const ours = ["--package", "edgebatch", "--release", "--target", target];
  run("cargo", ["clean", "--quiet", ...ours], { env: wasmEnv() });
  const args = ["build", "--quiet", "--lib", "--release", "--target", target, ...forSpeedAndSize];
  run("cargo", [...args, ...options], { env: wasmEnv() });
  const input = join(targetDir, target, "release/edgebatch.wasm");
  run("wasm-bindgen", [
    input,
    ...["--target", "web", "--out-dir", out, "--out-name", name],
    // A panic poisons an instance; __wbg_reset_state gives the next call a fresh one. (--force-enable-abort-handler
    // would do it unasked, but imports WebAssembly.JSTag, which Node 22.13 and older browsers lack.)
    "--experimental-reset-state-function",
    ...["--remove-name-section", "--remove-producers-section"],
  ]);
  adaptGlue(name);
  say(`build: ${name} in ${seconds(start)}`);
}

/** The optimiser over the wasm. */
function optimise(name) {
  const start = performance.now();
  say(`build: optimising ${name} (wasm-opt -O3) …`);
  const raw = join(out, `${name}_bg.wasm`);
  const optimised = join(out, "optimised.wasm");
  wasmOpt(raw, optimised);
  renameSync(optimised, raw);
  say(`build: optimised in ${seconds(start)}`);
}

/**
 * The glue would look for the wasm beside itself when it is told of none. Every entry tells it, nothing is there in the
 * bundles, and webpack, Next.js and their like stop at a `new URL` that leads nowhere. And it would wake by `queueMicrotask`, which
 * workerd takes ten times as long for as for a promise.
 */
function adaptGlue(name) {
  const file = join(out, `${name}.js`);
  let glue = readFileSync(file, "utf8");
  const url = `module_or_path = new URL('${name}_bg.wasm', import.meta.url);`;
  const replaced = [[url, "throw new Error('edgebatch: no wasm was given');"]];
  if (name !== "validator") replaced.push(["queueMicrotask(arg0);", "Promise.resolve().then(arg0);"]);
  for (const [from, to] of replaced) {
    if (glue.split(from).length !== 2) {
      throw new Failure(
        `build: wasm-bindgen writes its glue otherwise than scripts/build/wasm.mjs expects: ${from}`,
      );
    }
    glue = glue.replace(from, to);
  }
  if (glue.includes("import.meta"))
    throw new Failure("build: the glue still looks for the wasm beside itself");
  writeFileSync(file, glue);
}

/** The sizes of the wasm, raw and gzipped; throws when one is over its budget. */
export function checkWasmSize(always = true) {
  const kib = (count) => `${(count / 1024).toFixed(1)} KiB`;
  for (const [name, { budget }] of Object.entries(builds)) {
    const file = join(root, wasmFile(name));
    if (!existsSync(file)) throw new Failure(`size: there is no ${basename(file)}; build first`);
    const bytes = readFileSync(file);
    const zipped = gzipSync(bytes, { level: 9 }).length;
    const text = `${basename(file)} is ${kib(bytes.length)}, gzipped ${kib(zipped)} of at most ${kib(budget)}`;
    if (zipped > budget) throw new Failure(`size: ${text}: over the budget`);
    if (always) say(`size: ${text}`);
  }
}
