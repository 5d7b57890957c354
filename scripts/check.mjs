// The gates besides the tests, one by name or all: `node scripts/check.mjs [NAME…]`, `--list` names them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPageSize } from "./build/page.mjs";
import { checkWasmSize } from "./build/wasm.mjs";
import { bin, env, otherRustForWasm, root, target, wasmEnv } from "./lib/env.mjs";
import { filesUnder } from "./lib/files.mjs";
import { capture, Failure, main, run, say } from "./lib/process.mjs";
import { setup } from "./setup.mjs";

const longest = 500;

/** rustfmt and clippy come with rustup's default profile, not with its minimal one. */
function component(name, command) {
  if (capture("cargo", [command, "--version"]) !== null) return;
  say(`set-up: adding Rust's ${name} (rustup component add) …`);
  run("rustup", ["component", "add", name]);
}

function refuse(title, complaints) {
  if (complaints.length > 0) throw new Failure(`${title}:\n  ${complaints.join("\n  ")}`);
}

/** Every place where a line of the files matches, comments aside. */
function places(files, pattern) {
  const found = [];
  for (const file of files) {
    const lines = readFileSync(join(root, file), "utf8").split("\n");
    for (const [index, line] of lines.entries()) {
      if (pattern.test(line.replace(/(^|\s)\/\/.*$/, ""))) found.push(`${file}:${index + 1}: ${line.trim()}`);
    }
  }
  return found;
}

const rustFiles = () => filesUnder(["src"]).filter((file) => file.endsWith(".rs"));
const ourTypeScript = () =>
  filesUnder(["js"], (path) => path === "js/wasm").filter((file) => /\.[mc]?[tj]sx?$/.test(file));

const gates = {
  fmt() {
    component("rustfmt", "fmt");
    run("cargo", ["fmt", "--check"]);
  },
  clippy() {
    component("clippy", "clippy");
    run("cargo", ["clippy", "--quiet", "--all-targets", "--", "-D", "warnings"]);
  },
  clippy_wasm() {
    const only = ["--quiet", "--lib", "--target", target];
    // Debian's Rust for the web has no clippy: the compiler's own warnings must do.
    if (otherRustForWasm()) run("cargo", ["rustc", ...only, "--", "-D", "warnings"], { env: wasmEnv() });
    else run("cargo", ["clippy", ...only, "--", "-D", "warnings"]);
  },
  doc() {
    run("cargo", ["doc", "--quiet", "--no-deps"], { env: { ...env, RUSTDOCFLAGS: "-Dwarnings" } });
  },
  biome() {
    run(join(bin, "biome"), [
      "ci",
      "--error-on-warnings",
      `--colors=${process.stdout.isTTY ? "force" : "off"}`,
    ]);
  },
  types() {
    run(join(bin, "tsc"), ["-p", "tsconfig.json"]);
    run(join(bin, "tsc"), ["-p", "tsconfig.page.json"]);
  },
  size() {
    checkWasmSize();
    checkPageSize();
  },
  /** The core knows no platform: only src/wasm/ names the bindings, only driver, host and wasm await. */
  purity() {
    const files = rustFiles();
    const bindings = files.filter((file) => !file.startsWith("src/wasm/"));
    const awaiting = bindings.filter((file) => !/^src\/(driver[^/]*(\/.*)?|host)(\.rs|$)/.test(file));
    const named = /\b(wasm_bindgen\w*|serde_wasm_bindgen|js_sys|web_sys)\b/;
    refuse("purity", [...places(bindings, named), ...places(awaiting, /\.await\b|\basync\b/)]);
  },
  length() {
    const tooLong = [];
    for (const file of [...rustFiles(), ...ourTypeScript()]) {
      const lines = readFileSync(join(root, file), "utf8").trimEnd().split("\n").length;
      if (lines > longest) tooLong.push(`${file} has ${lines} lines, more than ${longest}`);
    }
    refuse("length", tooLong);
  },
  /** Lock files without download addresses work with any registry. */
  lock() {
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    refuse(
      "lock",
      /"resolved"/.test(lock) ? ['package-lock.json holds download addresses ("resolved")'] : [],
    );
  },
};

main(() => {
  const asked = process.argv.slice(2);
  if (asked.includes("--list")) {
    say(Object.keys(gates).join("\n"));
    return;
  }
  const unknown = asked.filter((name) => !Object.hasOwn(gates, name));
  if (unknown.length > 0) throw new Failure(`no such gate: ${unknown.join(", ")}`);
  setup();
  let failed = 0;
  for (const name of asked.length > 0 ? asked : Object.keys(gates)) {
    try {
      gates[name]();
      say(`ok   ${name}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failed += 1;
      process.stderr.write(`${error.message}\n`);
      say(`FAIL ${name}`);
    }
  }
  process.exitCode = failed > 0 ? 1 : 0;
});
