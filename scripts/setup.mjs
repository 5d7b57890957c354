// Sets up what is missing, and says so: npm packages (with a newer Node), the wasm target, the pinned wasm tools.
// With everything in place it says nothing. `node scripts/setup.mjs` does the set-up alone.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addPath, cache, env, node, root, target, wasmEnv } from "./lib/env.mjs";
import { contentHash, unlessStamped } from "./lib/files.mjs";
import { capture, Failure, isMain, main, run, say, seconds, tryRun } from "./lib/process.mjs";
import { chromium } from "./setup/chromium.mjs";
import { useDebianRust, useDebianRustIfReady } from "./setup/debian-rust.mjs";

const wasmPackVersion = "0.15.1";

/** npm packages, and with them the Node that everything else runs on. */
function npmPackages() {
  const lock = contentHash(["package-lock.json", ".npmrc"], process.platform, process.arch);
  unlessStamped("node_modules/.edgebatch-stamp", lock, () => {
    const start = performance.now();
    say("set-up: installing npm packages (npm ci) …");
    // Errors only: the npm at hand may run on a Node older than the one that some packages ask for and are given.
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    // Where npm was told not to run install scripts, the Node package has not fetched its binary yet.
    const folder = join(root, "node_modules", "node");
    if (!existsSync(join(folder, "bin", "node"))) {
      say("set-up: letting the npm package `node` fetch its binary …");
      run(process.execPath, ["installArchSpecificPackage.js"], { cwd: folder });
      run("npm", ["rebuild", "--ignore-scripts", "--loglevel=error", "node"]);
    }
    say(`set-up: npm packages ready in ${seconds(start)}`);
  });
  const version = capture(node, ["--version"]);
  if (version === null) throw new Failure(`set-up: ${node} does not run; delete node_modules and try again`);
  return version;
}

/** The Rust compiler: present, and new enough for Cargo.toml. */
function rust() {
  const version = capture("rustc", ["--version"]);
  if (version === null)
    throw new Failure("set-up: Rust is missing; install it with rustup (rustup.rs) and try again");
  const wanted = /^rust-version = "(\d+)\.(\d+)/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"));
  const have = /^rustc (\d+)\.(\d+)/.exec(version);
  if (
    wanted &&
    have &&
    Number(have[1]) * 1e4 + Number(have[2]) < Number(wanted[1]) * 1e4 + Number(wanted[2])
  ) {
    throw new Failure(
      `set-up: ${version} is too old, ${wanted[1]}.${wanted[2]} is needed; try: rustup update stable`,
    );
  }
  return version;
}

function hasTarget() {
  const libraries = capture("rustc", ["--print", "target-libdir", "--target", target], { env: wasmEnv() });
  return (
    libraries !== null &&
    existsSync(libraries) &&
    readdirSync(libraries).some((name) => name.startsWith("libstd-"))
  );
}

/** The standard library for wasm: from rustup, else built from Debian's sources. */
function wasmTarget() {
  if (hasTarget() || (useDebianRustIfReady() && hasTarget())) return;
  const start = performance.now();
  say(`set-up: adding the Rust target ${target} (rustup target add) …`);
  if (tryRun("rustup", ["target", "add", target]) && hasTarget()) {
    say(`set-up: Rust target ready in ${seconds(start)}`);
    return;
  }
  say("set-up: rustup could not add the target; trying Debian's Rust for the web instead");
  useDebianRust();
  if (!hasTarget()) throw new Failure(`set-up: ${target} is still missing; try: rustup target add ${target}`);
}

/** wasm-bindgen's command and crate must be the same version; Cargo.lock says which. */
function wasmBindgenVersion() {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)?.[1];
  if (version === undefined) throw new Failure("set-up: Cargo.lock does not name wasm-bindgen");
  return version;
}

/** A command of one exact version: on PATH, or in our cache, or installed there now. */
function cargoTool(name, crate, version) {
  const isRight = () => capture(name, ["--version"])?.split(/\s+/)[1] === version;
  if (isRight()) return;
  const folder = join(cache, `${crate}-${version}`);
  addPath(join(folder, "bin"));
  if (isRight()) return;
  const start = performance.now();
  say(`set-up: building ${crate} ${version} into ${folder} (cargo install; one to three minutes, once) …`);
  const { CARGO_TARGET_DIR: _, ...installEnv } = env; // its own temporary folder, gone afterwards
  run("cargo", ["install", "--quiet", crate, "--version", version, "--root", folder], { env: installEnv });
  if (!isRight()) throw new Failure(`set-up: ${name} ${version} does not run after its installation`);
  say(`set-up: ${crate} ready in ${seconds(start)}`);
}

/** Python clients which tests drive the Worker with, each list of them in a virtual environment of its own. */
function pythonClients() {
  const lists = join(root, "tests/js/worker/python");
  for (const file of readdirSync(lists)) {
    const name = /^requirements(-.+)?\.txt$/.exec(file);
    if (name) pythonClient(`tests/js/worker/python/${file}`, join(cache, `openai-python${name[1] ?? ""}`));
  }
}

function pythonClient(requirements, folder) {
  const stamp = join(folder, "requirements.txt");
  const wanted = readFileSync(join(root, requirements), "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const start = performance.now();
  say(`set-up: installing Python clients into ${folder} (python3 -m venv, pip) …`);
  if (!tryRun("python3", ["-m", "venv", "--clear", folder])) {
    throw new Failure(
      "set-up: python3 with venv is needed by the tests (Debian: apt-get install python3-venv)",
    );
  }
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
    "-r",
    requirements,
  ];
  run(join(folder, "bin", "python"), pip);
  writeFileSync(stamp, wanted);
  say(`set-up: Python clients ready in ${seconds(start)}`);
}

/** Sets up what is missing. Tests need wasm-pack besides, those of the Worker the Python client, those of the page Chromium. Gives the versions that decide a build. */
export function setup({ tests = false, python = false, browser = false } = {}) {
  const nodeVersion = npmPackages();
  rust();
  wasmTarget();
  const wasmBindgen = wasmBindgenVersion();
  cargoTool("wasm-bindgen", "wasm-bindgen-cli", wasmBindgen);
  if (tests) {
    cargoTool("wasm-pack", "wasm-pack", wasmPackVersion);
  }
  if (python) pythonClients();
  if (browser) chromium();
  return { node: nodeVersion, rust: capture("rustc", ["--version"], { env: wasmEnv() }), wasmBindgen };
}

if (isMain(import.meta.url)) {
  main(() => {
    const { node: nodeVersion, rust: rustVersion, wasmBindgen } = setup({ tests: true, browser: true });
    say(`set-up: complete (Node ${nodeVersion}, ${rustVersion}, wasm-bindgen ${wasmBindgen})`);
  });
}
