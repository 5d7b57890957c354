// Who may know whom. What is below must not know what stands on it, or neither can be changed alone; and a platform
// that slips into a shared room is found here, not on the other platform.
import { imports } from "../lib/imports.mjs";
import { rustImports } from "../lib/modules.mjs";
import { places, refuse, scriptFiles } from "../lib/sources.mjs";

/** The core in Rust, from the ground up. A room may use those below it; of its own row, only the ground's. */
const storeys = [
  ["limits", "error", "text", "sorted", "steady", "keys", "retry", "digest"],
  ["json"],
  ["wire"],
  ["host", "input"],
  ["settings"],
  ["validate"],
  ["repair"],
  ["convert"],
  ["result"],
  ["batch", "queue", "service"],
  ["driver"],
  // What reaches TypeScript: by calls, and as files that a test writes.
  ["typescript", "wasm"],
];

/** TypeScript: what each room may import besides its own files. `*` stands for anything that begins so. */
const rooms = {
  core: { may: ["js/wasm/*"], index: ["js/hosts/*"] },
  contract: { may: ["js/core/types.ts", "js/core/errors.ts"] },
  hosts: {
    may: [
      "js/core/types.ts",
      "js/core/ports.ts",
      "js/core/bytes.ts",
      "js/core/errors.ts",
      "js/core/file-id.ts",
      "js/core/options.ts",
      "js/core/rules.ts",
      "js/core/secrets.ts",
      "js/core/texts.ts",
      "node:*",
    ],
  },
  entry: { may: ["js/core/*", "js/hosts/*", "js/node/*", "js/wasm/*", "node:*"] },
  server: { may: ["js/core/*", "hono", "hono/*"] },
  // These two, and they alone, know both the server and the hosts.
  worker: {
    may: ["js/core/*", "js/hosts/*", "js/server/*", "js/entry/workerd.ts", "hono", "hono/*", "cloudflare:*"],
  },
  node: {
    may: [
      "js/core/*",
      "js/hosts/*",
      "js/server/*",
      "js/entry/node.ts",
      "@hono/node-server",
      "aws4fetch",
      "pg",
      "smol-toml",
      "node:*",
    ],
  },
  // A program of Node's, which puts hosts together as any user does, and uses parts of theirs besides.
  cli: {
    may: [
      "js/core/*",
      "js/hosts/*",
      "js/entry/node.ts",
      "js/entry/files.ts",
      "js/node/*",
      "commander",
      "node:*",
    ],
  },
  page: { may: ["js/core/*", "js/wasm/validator.js", "preact", "preact/*", "@preact/*"] },
};

/** What only a platform has. js/server has to do without. */
const platform =
  /\b(R2[A-Z]\w*|DurableObject\w*|FixedLengthStream|DigestStream|WebSocketPair|Buffer|process)\b/;

const roomOf = (file) => file.split("/")[1].replace(/\.\w+$/, "");

function rust() {
  const storey = (file) => storeys.findIndex((names) => names.includes(roomOf(file)));
  const complaints = [];
  for (const [file, others] of rustImports()) {
    if (storey(file) < 0)
      complaints.push(`${file} is in no storey: say in scripts/gates/layers.mjs where it stands`);
    for (const other of others) {
      const isOwn = roomOf(file) === roomOf(other) || (storey(file) === 0 && storey(other) === 0);
      if (!isOwn && storey(other) >= storey(file)) complaints.push(`${file} may not use ${other}`);
    }
  }
  return complaints;
}

const fits = (name, pattern) =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

function typeScript() {
  const complaints = [];
  for (const file of scriptFiles("js")) {
    const room = roomOf(file);
    if (rooms[room] === undefined) {
      complaints.push(`${file} is in no room: say in scripts/gates/layers.mjs what js/${room} may import`);
      continue;
    }
    const { may, index = [] } = rooms[room];
    const allowed = [`js/${room}/*`, ...may, ...(file === `js/${room}/index.ts` ? index : [])];
    for (const name of imports(file))
      if (!allowed.some((pattern) => fits(name, pattern))) complaints.push(`${file} may not import ${name}`);
  }
  const named = places(scriptFiles("js/server"), platform).map((place) => `of a platform: ${place}`);
  return [...complaints, ...named];
}

export default function layers() {
  refuse("layers", [...rust(), ...typeScript()]);
}
