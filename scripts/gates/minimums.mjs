// The oldest Rust and the oldest Node that we say we run on are tried: what is newer slips in unseen, as everyone who
// works on this has newer ones.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, env, root, targetDir } from "../lib/env.mjs";
import { capture, Failure, run, say, tryRun } from "../lib/process.mjs";
import { read } from "../lib/sources.mjs";

function rust() {
  const wanted = /^rust-version = "([\d.]+)"/m.exec(read("Cargo.toml"))?.[1];
  if (wanted === undefined) throw new Failure("minimums: Cargo.toml names no rust-version");
  const args = ["check", "--quiet", "--lib", "--locked"];
  if (capture("rustc", ["--version"])?.startsWith(`rustc ${wanted}.`)) return run("cargo", args);
  const toolchain = wanted.split(".").length === 2 ? `${wanted}.0` : wanted;
  const has = () => capture("cargo", [`+${toolchain}`, "--version"]) !== null;
  if (!has()) {
    say(`set-up: fetching Rust ${toolchain}, the oldest we promise (rustup toolchain install) …`);
    tryRun("rustup", ["toolchain", "install", toolchain, "--profile", "minimal", "--no-self-update"]);
  }
  if (!has()) {
    say(`minimums: Rust ${toolchain} is not to be had: only clippy's incompatible_msrv has looked`);
    return;
  }
  run("cargo", [`+${toolchain}`, ...args], {
    env: { ...env, CARGO_TARGET_DIR: join(targetDir, "minimums") },
  });
}

/** The binary of one version of Node, out of an npm package; null when that cannot be had. */
function oldNode(version) {
  const folder = join(cache, `node-${version}`);
  const name = `node-${process.platform}-${process.arch}`;
  const binary = join(folder, "node_modules", name, "bin", "node");
  if (!existsSync(binary)) {
    say(`set-up: fetching Node ${version}, the oldest we promise (npm install ${name}) …`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}\n");
    const quiet = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    tryRun("npm", ["install", ...quiet, "--prefix", folder, `${name}@${version}`], { cwd: folder });
  }
  return capture(binary, ["--version"]) === `v${version}` ? binary : null;
}

function node() {
  const wanted = /^>=(\d+)\.(\d+)$/.exec(JSON.parse(read("package.json")).engines.node);
  if (wanted === null) throw new Failure("minimums: package.json's engines.node is not of the form >=X.Y");
  const version = `${wanted[1]}.${wanted[2]}.0`;
  const binary = oldNode(version);
  if (binary === null) return say(`minimums: Node ${version} is not to be had: not tried`);
  const main = join(root, "dist/cli/main.js");
  if (!existsSync(main)) throw new Failure("minimums: there is no package; build first");
  // A whole batch: validation in wasm, SQLite, files on disk, the embedded model.
  const folder = join(targetDir, "minimums-run");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const to = ["--out", "--errors", "--state"].flatMap((name) => [name, join(folder, name.slice(2))]);
  run(binary, [main, "run", "examples/chat-batch.jsonl", "--quiet", "--force", ...to]);
  const lines = readFileSync(join(folder, "out"), "utf8").trimEnd().split("\n");
  if (lines.length < 2) throw new Failure(`minimums: Node ${version} ran a batch to ${lines.length} lines`);
}

export default function minimums() {
  rust();
  node();
}
