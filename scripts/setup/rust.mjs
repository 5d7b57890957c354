// Rust: the compiler, the wasm target, and the pinned tools that are built with cargo.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { addPath, cache, env, root, target, wasmEnv } from "../lib/env.mjs";
import { capture, Failure, run, say, seconds, tryRun } from "../lib/process.mjs";
import { useDebianRust, useDebianRustIfReady } from "./debian-rust.mjs";

/** The Rust compiler: present, and new enough for Cargo.toml. */
export function rust() {
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
export function wasmTarget() {
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

/** rustfmt and clippy come with rustup's default profile, not with its minimal one. */
export function component(name, command) {
  if (capture("cargo", [command, "--version"]) !== null) return;
  say(`set-up: adding Rust's ${name} (rustup component add) …`);
  run("rustup", ["component", "add", name]);
}

/** wasm-bindgen's command and crate must be the same version; Cargo.lock says which. */
export function wasmBindgenVersion() {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)?.[1];
  if (version === undefined) throw new Failure("set-up: Cargo.lock does not name wasm-bindgen");
  return version;
}

/** A command of one exact version: on PATH, or in our cache, or installed there now. */
export function cargoTool(name, crate, version) {
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
