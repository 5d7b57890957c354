// Sets up what is missing, and says so: npm packages (with a newer Node), the wasm target, the pinned wasm tools.
// With everything in place it says nothing. `node scripts/setup.mjs` does the set-up alone.
import { wasmEnv } from "./lib/env.mjs";
import { capture, isMain, main, say } from "./lib/process.mjs";
import { chromium, firefox } from "./setup/browsers.mjs";
import { npmPackages } from "./setup/npm.mjs";
import { pythonClients } from "./setup/python.mjs";
import { runtime } from "./setup/runtimes.mjs";
import { cargoTool, rust, wasmBindgenVersion, wasmTarget } from "./setup/rust.mjs";

const wasmPackVersion = "0.15.1";

/** Sets up what is missing. Tests need wasm-pack besides, those of the servers the Python clients, those of the page browsers. Gives the versions that decide a build. */
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
  if (browser) {
    chromium();
    firefox();
  }
  return { node: nodeVersion, rust: capture("rustc", ["--version"], { env: wasmEnv() }), wasmBindgen };
}

if (isMain(import.meta.url)) {
  main(() => {
    const { node: nodeVersion, rust: rustVersion, wasmBindgen } = setup({ tests: true, browser: true });
    for (const name of ["bun", "deno"]) runtime(name);
    say(`set-up: complete (Node ${nodeVersion}, ${rustVersion}, wasm-bindgen ${wasmBindgen})`);
  });
}
