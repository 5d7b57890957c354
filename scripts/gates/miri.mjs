// The scanner's unsafe code with every access watched: by Miri, which also knows what the language forbids where nothing
// goes wrong yet. Where no nightly Rust can be had, by AddressSanitizer, which comes with the stable one.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { env, root, targetDir } from "../lib/env.mjs";
import { capture, run, say, tryRun } from "../lib/process.mjs";

const test = ["test", "--quiet", "--locked", "--test", "scan"];

function hasMiri() {
  // Of Miri alone, `--version` may be answered where the sources of the standard library are missing.
  const sources = () => {
    const sysroot = capture("rustc", ["+nightly", "--print", "sysroot"]);
    return sysroot !== null && existsSync(join(sysroot, "lib/rustlib/src/rust/library/Cargo.lock"));
  };
  const has = () => capture("cargo", ["+nightly", "miri", "--version"]) !== null && sources();
  if (has()) return true;
  say("set-up: adding Miri, with nightly Rust if need be (rustup toolchain install nightly) …");
  const minimal = [
    "--profile",
    "minimal",
    "--no-self-update",
    "--component",
    "miri",
    "--component",
    "rust-src",
  ];
  if (capture("cargo", ["+nightly", "--version"]) === null) {
    tryRun("rustup", ["toolchain", "install", "nightly", ...minimal]);
  } else tryRun("rustup", ["component", "add", "--toolchain", "nightly", "miri", "rust-src"]);
  return has();
}

function watched(args, settings) {
  run("cargo", args, { cwd: join(root, "fuzz/miri"), env: { ...env, ...settings } });
}

export default function miri() {
  if (hasMiri()) {
    // Miri takes these instructions for there only when it is told so, whatever machine it runs on.
    const target = "x86_64-unknown-linux-gnu";
    watched(["+nightly", "miri", ...test, "--target", target], {
      CARGO_TARGET_DIR: join(targetDir, "miri"),
      RUSTFLAGS: "-Ctarget-feature=+avx2,+bmi1,+lzcnt,+pclmulqdq",
    });
    return;
  }
  const host = /^host: (.+)$/m.exec(capture("rustc", ["-vV"]) ?? "")?.[1];
  const libraries = join(capture("rustc", ["--print", "sysroot"]) ?? "", `lib/rustlib/${host}/lib`);
  const hasSanitizer = existsSync(libraries) && readdirSync(libraries).some((name) => /asan/.test(name));
  const CARGO_TARGET_DIR = join(targetDir, "sanitized");
  if (hasSanitizer) {
    say(
      "miri: there is no Miri: AddressSanitizer watches instead, which misses what stays within an allocation",
    );
    const sanitized = { RUSTC_BOOTSTRAP: "1", RUSTFLAGS: "-Zsanitizer=address" };
    watched([...test, "--target", host], { CARGO_TARGET_DIR, ...sanitized });
  } else {
    say(
      "miri: there is neither Miri nor AddressSanitizer: nothing but the standard library's own checks watches",
    );
    watched(test, { CARGO_TARGET_DIR });
  }
}
