// Where rustup cannot fetch the wasm target: a Rust with that target from Debian's packages, unpacked into our cache.
// Nothing is installed on the system and no root is needed; only the wasm build uses it. It takes apt-get, dpkg, about
// 150 MB of downloads, 1 GB of disk and a minute, once.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { cache, env, target, useForWasm } from "../lib/env.mjs";
import { capture, Failure, run, say, seconds, tryRun } from "../lib/process.mjs";

const folder = join(cache, "debian-rust");
const apt = join(folder, "apt");
const sysroot = join(folder, "root/usr");
const ready = join(folder, "ready");

/** Uses the one that was made before; false when there is none. */
export function useDebianRustIfReady() {
  if (!existsSync(ready)) return false;
  useForWasm(join(folder, "bin"));
  return true;
}

/** Makes one and uses it. */
export function useDebianRust() {
  if (capture("apt-get", ["--version"]) === null || capture("dpkg", ["--version"]) === null) {
    throw new Failure(
      `set-up: rustup could not fetch ${target}, and this is no Debian, where a replacement could be had.
Make one of these work, then try again:
  rustup target add ${target}      (needs rustup's download server)
  a Rust from your system that brings the target, first on PATH (Fedora: rust-std-static-${target})`,
    );
  }
  const start = performance.now();
  rmSync(folder, { recursive: true, force: true });
  unpack();
  wrap();
  buildStd();
  rmSync(apt, { recursive: true, force: true });
  writeFileSync(ready, "");
  useForWasm(join(folder, "bin"));
  say(`set-up: Debian's Rust for wasm ready in ${seconds(start)} (${folder})`);
}

function unpack() {
  say("set-up: fetching rustc-web, cargo-web and rust-web-src with apt-get (about 150 MB) …");
  for (const part of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(apt, part), { recursive: true });
  const settings = [`Dir::State::Lists=${apt}/lists`, `Dir::Cache=${apt}/cache`, "Debug::NoLocking=1"];
  settings.push("APT::Sandbox::User=", "APT::Get::List-Cleanup=0");
  const options = ["-qq", ...settings.flatMap((setting) => ["-o", setting])];
  const packages = ["rustc-web", "cargo-web", "rust-web-src"];
  const fetched =
    tryRun("apt-get", [...options, "update"]) &&
    tryRun("apt-get", [
      ...options,
      "install",
      "--download-only",
      "--reinstall",
      "--no-install-recommends",
      "-y",
      ...packages,
    ]);
  if (!fetched) {
    throw new Failure(
      `set-up: neither rustup nor apt-get could fetch a Rust with ${target}; check the network, then try again`,
    );
  }
  say("set-up: unpacking …");
  for (const file of readdirSync(join(apt, "cache/archives"))) {
    if (file.endsWith(".deb")) run("dpkg", ["-x", join(apt, "cache/archives", file), join(folder, "root")]);
  }
}

/** Commands that find their libraries, and the linker of the installed Rust beside them. */
function wrap() {
  const system = readdirSync(join(sysroot, "lib")).find((name) => name.endsWith("-linux-gnu"));
  mkdirSync(join(folder, "bin"));
  for (const name of ["cargo", "rustc", "rustdoc"]) {
    const own = name === "cargo" ? "" : ` --sysroot '${sysroot}'`;
    const path = join(folder, "bin", name);
    writeFileSync(
      path,
      `#!/bin/sh
export LD_LIBRARY_PATH='${sysroot}/lib/${system}'\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec '${sysroot}/bin/${name}'${own} "$@"
`,
    );
    chmodSync(path, 0o755);
  }
  const host = /^host: (.+)$/m.exec(capture("rustc", ["-vV"]) ?? "")?.[1];
  const linker = join(capture("rustc", ["--print", "sysroot"]) ?? "", `lib/rustlib/${host}/bin/rust-lld`);
  if (!existsSync(linker)) throw new Failure(`set-up: the installed Rust has no rust-lld (${linker})`);
  const place = join(sysroot, `lib/rustlib/${host}/bin/rust-lld`);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(linker, place);
}

/** The standard library for the target, from the packaged sources. */
function buildStd() {
  say(`set-up: building the standard library for ${target} …`);
  const crate = join(folder, "std");
  mkdirSync(join(crate, "src"), { recursive: true });
  writeFileSync(join(crate, "src/lib.rs"), "");
  writeFileSync(
    join(crate, "Cargo.toml"),
    '[package]\nname = "std-for-wasm"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n',
  );
  run(
    "cargo",
    ["build", "--quiet", "--release", "-Z", "build-std=std,panic_abort,test", "--target", target],
    {
      cwd: crate,
      env: {
        ...env,
        PATH: `${join(folder, "bin")}:${env.PATH}`,
        RUSTC_BOOTSTRAP: "1",
        // Without bitcode in these libraries, our link-time optimisation would fail.
        RUSTFLAGS: "-C embed-bitcode=yes",
        CARGO_TARGET_DIR: join(crate, "target"),
      },
    },
  );
  const built = join(crate, "target", target, "release/deps");
  const place = join(sysroot, "lib/rustlib", target, "lib");
  mkdirSync(place, { recursive: true });
  for (const file of readdirSync(built)) {
    if (file.endsWith(".rlib") && !file.startsWith("libstd_for_wasm"))
      copyFileSync(join(built, file), join(place, file));
  }
  rmSync(crate, { recursive: true, force: true });
  rmSync(join(sysroot, "src"), { recursive: true, force: true });
}
