// The same for src/wasm/, which only the builds for wasm compile, each with its own features.
import { wasmFeatures, wasmNames } from "../build/wasm.mjs";
import { otherRustForWasm, target, wasmEnv } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";

export default function clippyWasm() {
  const only = ["--quiet", "--lib", "--target", target];
  for (const features of wasmNames.map(wasmFeatures)) {
    // Debian's Rust for the web has no clippy: the compiler's own warnings must do.
    if (otherRustForWasm())
      run("cargo", ["rustc", ...only, ...features, "--", "-D", "warnings"], { env: wasmEnv() });
    else run("cargo", ["clippy", ...only, ...features, "--", "-D", "warnings"]);
  }
}
