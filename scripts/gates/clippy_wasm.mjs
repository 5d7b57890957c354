// The same for src/wasm/, which only the build for wasm compiles.
import { otherRustForWasm, target, wasmEnv } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";

export default function clippyWasm() {
  const only = ["--quiet", "--lib", "--target", target];
  // Debian's Rust for the web has no clippy: the compiler's own warnings must do.
  if (otherRustForWasm()) run("cargo", ["rustc", ...only, "--", "-D", "warnings"], { env: wasmEnv() });
  else run("cargo", ["clippy", ...only, "--", "-D", "warnings"]);
}
