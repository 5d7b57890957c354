// Everything that ships may be used by whoever may use us (MIT or Apache-2.0); what only builds and tests may be more
// demanding, as none of it is given on.
import { env, root } from "../lib/env.mjs";
import { capture, Failure } from "../lib/process.mjs";
import { read, refuse } from "../lib/sources.mjs";

const free = [
  "MIT",
  "Apache-2.0",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Zlib",
  "Unlicense",
  "Unicode-3.0",
];
/** For tools: MPL and LGPL ask for the sources of what is given on, CC-BY for a name. */
const forTools = [
  ...free,
  "CC0-1.0",
  "BlueOak-1.0.0",
  "MPL-2.0",
  "CC-BY-4.0",
  "LGPL-3.0-or-later",
  "BSL-1.0",
  "NCSA",
];
/** What is bundled into the page, the Worker or the package, though package.json calls some of it a tool. */
export const bundled = [
  "@hono/node-server",
  "commander",
  "hono",
  "preact",
  "@preact/signals",
  "@preact/signals-core",
];

/** Whether an SPDX expression can be met by these licences. */
export function allows(expression, licences) {
  // An exception (`WITH …`) only allows more.
  const text = (expression ?? "").replaceAll("/", " OR ").replace(/\sWITH\s+[\w.-]+/g, "");
  const tokens = text.match(/[()]|[\w.+-]+/g) ?? [];
  let at = 0;
  const term = () => {
    if (tokens[at] !== "(") return licences.includes(tokens[at++]);
    at += 1;
    const inner = either();
    at += 1;
    return inner;
  };
  const all = () => {
    let met = term();
    while (tokens[at] === "AND") {
      at += 1;
      met = term() && met;
    }
    return met;
  };
  const either = () => {
    let met = all();
    while (tokens[at] === "OR") {
      at += 1;
      met = all() || met;
    }
    return met;
  };
  return tokens.length > 0 && either() && at === tokens.length;
}

function crates(folder, licences) {
  const args = ["metadata", "--format-version", "1", "--locked"];
  const text = capture("cargo", args, { cwd: `${root}/${folder}`, env, maxBuffer: 1 << 28 });
  if (text === null) throw new Failure(`licences: cargo metadata fails in ${folder}`);
  return JSON.parse(text)
    .packages.filter(({ source, license }) => source !== null && !allows(license, licences))
    .map(({ name, version, license }) => `${name} ${version} (crate): ${license}`);
}

function packages() {
  const entries = Object.entries(JSON.parse(read("package-lock.json")).packages);
  return entries.flatMap(([path, { version, license, dev, devOptional }]) => {
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const isTool = (dev || devOptional) && !bundled.includes(name);
    if (path === "" || allows(license, isTool ? forTools : free)) return [];
    return [`${name} ${version} (npm): ${license}`];
  });
}

export default function licences() {
  const given = [".", "component"].flatMap((folder) => crates(folder, free));
  const tools = ["fuzz", "benches/rivals", "component/host"].flatMap((folder) => crates(folder, forTools));
  refuse("licences", [...new Set([...given, ...tools, ...packages()])].sort());
}
