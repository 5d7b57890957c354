// What the wasm asks of its host, function by function. A dependency that wants a clock, random numbers or an `env` that
// nobody gives it shows here, before it fails to load somewhere. `node scripts/gates/imports.mjs` writes the lists anew.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wasmFile, wasmNames } from "../build/wasm.mjs";
import { root } from "../lib/env.mjs";
import { Failure, isMain, main } from "../lib/process.mjs";
import { refuse } from "../lib/sources.mjs";

const list = (name) => join(root, `scripts/gates/imports-${name}.txt`);

/** Names without what differs from build to build: hashes, and the numbers of closures' adapters. */
function imported(name) {
  const wasm = join(root, wasmFile(name));
  if (!existsSync(wasm)) throw new Failure(`imports: there is no ${name}_bg.wasm; build first`);
  const all = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(wasm)));
  const names = all.map(({ module, kind, name: full }) => {
    const plain = full
      .replace(/^__wbg_(\w+)_[0-9a-f]{16}$/, "$1")
      .replace(/^(__wbindgen_generic)_[0-9a-f]{16}$/, "$1");
    return module === `./${name}_bg.js` && kind === "function" ? plain : `${module} ${kind} ${plain}`;
  });
  return [...new Set(names)].sort();
}

function complaints(name) {
  const expected = readFileSync(list(name), "utf8").split("\n").filter(Boolean);
  const found = imported(name);
  const stranger = found.filter((one) => one.includes(" "));
  const added = found.filter((one) => !expected.includes(one) && !stranger.includes(one));
  const gone = expected.filter((one) => !found.includes(one));
  const wasm = `${name}_bg.wasm`;
  return [
    ...stranger.map((one) => `${wasm} imports ${one}, which wasm-bindgen's glue does not give`),
    ...added.map((one) => `${wasm} imports ${one}, which is not in scripts/gates/imports-${name}.txt`),
    ...gone.map(
      (one) => `${wasm} no longer imports ${one}: take it out of scripts/gates/imports-${name}.txt`,
    ),
  ];
}

export default function imports() {
  refuse("imports", wasmNames.flatMap(complaints));
}

if (isMain(import.meta.url)) {
  main(() => {
    for (const name of wasmNames) writeFileSync(list(name), `${imported(name).join("\n")}\n`);
  });
}
