// What a Rust module of ours takes from the others, read from its paths: `use crate::wire::{Batch, status}`,
// `super::Rules`, `crate::keys::cancel(id)`. Re-exports lead on to where a name is from. The text is as rustfmt leaves
// it, so indentation tells which modules are within a file.
import { read, rustFiles } from "./sources.mjs";

/** Which files a file takes something from: a map from each file of src/, the crate's root aside. */
export function rustImports() {
  const files = rustFiles().filter((file) => file !== "src/lib.rs");
  const modules = new Map(files.map((file) => [moduleOf(file), file]));
  const parsed = new Map(files.map((file) => [file, parse(file, modules)]));
  const root = parse("src/lib.rs", modules);
  const from = (path, seen = new Set()) => {
    for (let length = path.length; length > 0; length--) {
      const file = modules.get(path.slice(0, length).join("::"));
      if (file === undefined) continue;
      const exported = parsed.get(file).exports.get(path[length]);
      return exported && !seen.has(exported) ? from(exported, seen.add(exported)) : file;
    }
    const exported = root.exports.get(path[0]);
    return exported && !seen.has(exported) ? from(exported, seen.add(exported)) : undefined;
  };
  return new Map(
    [...parsed].map(([file, { paths }]) => {
      const found = paths.map((path) => from(path)).filter((other) => other !== undefined && other !== file);
      return [file, [...new Set(found)].sort()];
    }),
  );
}

const moduleOf = (file) =>
  file
    .replace(/^src\/(.*?)(\/mod)?\.rs$/, "$1")
    .split("/")
    .join("::");

/** The paths of a file, each from the crate's root, and what it gives on from elsewhere. */
function parse(file, modules) {
  const own = file === "src/lib.rs" ? [] : moduleOf(file).split("::");
  const code = withoutTests(withoutText(read(file)));
  const paths = [];
  const exports = new Map();
  const absolute = (segments, depth) => {
    let [first, ...rest] = segments;
    if (first === "crate") return rest;
    let at = own;
    if (first === "super") {
      // A module within this file calls the file `super`.
      for (let inner = depth; first === "super"; [first, ...rest] = rest) {
        if (inner > 0) inner -= 1;
        else at = at.slice(0, -1);
      }
      return first === undefined ? at : [...at, first, ...rest];
    }
    if (first === "self") return [...at, ...rest];
    return modules.has([...own, first].join("::")) ? [...own, ...segments] : null;
  };
  for (const { index, 1: indent, 2: visibility } of code.matchAll(/^( *)(pub(?:\([a-z: ]+\))? )?use /gm)) {
    const start = code.indexOf("use ", index) + 4;
    for (const { segments, name } of expand(code.slice(start, code.indexOf(";", start)))) {
      const path = absolute(segments, indent.length / 4);
      if (path === null) continue;
      if (visibility) exports.set(name, path);
      else paths.push(path);
    }
  }
  const others = code.replace(/^ *(pub(?:\([a-z: ]+\))? )?use [^;]*;/gm, "");
  for (const [whole] of others.matchAll(/\b(?<!::)(?:crate|super|\w+)(?:::\w+)+/g)) {
    const path = absolute(whole.split("::"), 0);
    if (path !== null) paths.push(path);
  }
  return { paths, exports };
}

/** The paths of a `use`, however its braces nest. */
function expand(text, prefix = []) {
  const tree = text.trim();
  const brace = tree.indexOf("{");
  if (brace < 0) {
    const [path, alias] = tree.split(/ as /);
    const segments = [...prefix, ...path.split("::").map((segment) => segment.trim())];
    const plain = segments.at(-1) === "self" ? segments.slice(0, -1) : segments;
    return [{ segments: plain, name: alias ?? plain.at(-1) }];
  }
  const before = tree.slice(0, brace).split("::").filter(Boolean);
  return parts(tree.slice(brace + 1, tree.lastIndexOf("}"))).flatMap((part) =>
    expand(part, [...prefix, ...before]),
  );
}

/** Splits at the commas that stand in no braces. */
function parts(text) {
  const found = [""];
  let depth = 0;
  for (const letter of text) {
    depth += { "{": 1, "}": -1 }[letter] ?? 0;
    if (letter === "," && depth === 0) found.push("");
    else found[found.length - 1] += letter;
  }
  return found.filter((part) => part.trim() !== "");
}

const withoutText = (code) => code.replace(/\/\/.*$/gm, "").replace(/"(?:[^"\\\n]|\\.)*"/g, '""');

/** Tests come last in a file, and may know whom they like. */
const withoutTests = (code) => code.split(/^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod \w+ \{/m)[0];
