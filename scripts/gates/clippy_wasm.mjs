// The same for src/wasm/, which only the builds for wasm compile, each with its own features, and for the components.

import { join } from "node:path";
import { worlds } from "../build/component.mjs";
import { wasmFeatures, wasmNames } from "../build/wasm.mjs";
import { env, otherRustForWasm, root, target, targetDir, wasmEnv } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";

export default function clippyWasm() {
  const only = ["--quiet", "--lib", "--target", target];
  for (const features of wasmNames.map(wasmFeatures)) {
    // Debian's Rust for the web has no clippy: the compiler's own warnings must do.
    if (otherRustForWasm())
      run("cargo", ["rustc", ...only, ...features, "--", "-D", "warnings"], { env: wasmEnv() });
    else run("cargo", ["clippy", ...only, ...features, "--", "-D", "warnings"]);
  }
  if (otherRustForWasm()) return;
  for (const world of worlds) {
    run("cargo", ["clippy", ...only, "--locked", "--features", world, "--", "-D", "warnings"], {
      cwd: join(root, "component"),
      env: { ...env, CARGO_TARGET_DIR: join(targetDir, "component") },
    });
  }
}
