// Bundles what package.json exports from js/ into dist/; a script of its own, as esbuild's plugins run in its process.
//
// Node takes longer to find and open forty modules than to run them: each entry is one file or a few, with what they
// share in others. Node's own is one file, which takes in the wasm's glue too, and the command line imports it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { main, root } from "./lib.mjs";

/** The sources of what package.json exports. */
function entries() {
  const { exports, bin: commands } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const built = JSON.stringify([exports, commands]).match(/(?<=dist\/)[\w/-]+(?=\.js")/g);
  return [...new Set(built)].map((name) => `js/${name}.ts`);
}

/** The command line uses the entry as any program does. */
const entryApart = {
  name: "entry-apart",
  setup({ onResolve }) {
    const external = { path: "../entry/node.js", external: true };
    onResolve({ filter: /\/entry\/node\.ts$/ }, ({ kind }) => (kind === "entry-point" ? null : external));
  },
};

main(async () => {
  const options = {
    ...{ absWorkingDir: root, outbase: "js", outdir: "dist", chunkNames: "shared/[name]-[hash]" },
    ...{ bundle: true, format: "esm", target: "es2023", platform: "neutral", packages: "external" },
    ...{ logLevel: "warning", plugins: [entryApart] },
  };
  const forNode = "js/entry/node.ts";
  await build({ ...options, entryPoints: [forNode], external: ["node:*"] });
  const others = entries().filter((file) => file !== forNode);
  await build({ ...options, entryPoints: others, external: ["node:*", "../wasm/*"], splitting: true });
});
