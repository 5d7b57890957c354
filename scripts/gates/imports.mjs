// What the wasm asks of its host, function by function. A dependency that wants a clock, random numbers or an `env` that
// nobody gives it shows here, before it fails to load somewhere. `node scripts/gates/imports.mjs` writes the list anew.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/env.mjs";
import { Failure, isMain, main } from "../lib/process.mjs";
import { refuse } from "../lib/sources.mjs";

const wasm = join(root, "js/wasm/edgebatch_bg.wasm");
const list = join(root, "scripts/gates/imports.txt");
const glue = "./edgebatch_bg.js";

/** Names without what differs from build to build: hashes, and the numbers of closures' adapters. */
function imported() {
  if (!existsSync(wasm)) throw new Failure("imports: there is no wasm; build first");
  const all = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(wasm)));
  const names = all.map(({ module, kind, name }) => {
    const plain = name
      .replace(/^__wbg_(\w+)_[0-9a-f]{16}$/, "$1")
      .replace(/^(__wbindgen_generic)_[0-9a-f]{16}$/, "$1");
    return module === glue && kind === "function" ? plain : `${module} ${kind} ${plain}`;
  });
  return [...new Set(names)].sort();
}

export default function imports() {
  const expected = readFileSync(list, "utf8").split("\n").filter(Boolean);
  const found = imported();
  const stranger = found.filter((name) => name.includes(" "));
  const added = found.filter((name) => !expected.includes(name) && !stranger.includes(name));
  const gone = expected.filter((name) => !found.includes(name));
  refuse("imports", [
    ...stranger.map((name) => `the wasm imports ${name}, which wasm-bindgen's glue does not give`),
    ...added.map((name) => `the wasm imports ${name}, which is not in scripts/gates/imports.txt`),
    ...gone.map((name) => `the wasm no longer imports ${name}: take it out of scripts/gates/imports.txt`),
  ]);
}

if (isMain(import.meta.url)) main(() => writeFileSync(list, `${imported().join("\n")}\n`));
