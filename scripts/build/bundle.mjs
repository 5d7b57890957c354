// Bundles what package.json exports from js/ into dist/; a script of its own, as esbuild's plugins run in its process.
//
// Node takes longer to find and open forty modules than to run them: each entry is one file or a few, with what they
// share in others. Node's own is one file, which takes in the wasm's glue too.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../lib/env.mjs";
import { main } from "../lib/process.mjs";

/** The sources of what package.json exports. */
function entries() {
  const { exports, bin: commands } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const built = JSON.stringify([exports, commands]).match(/(?<=dist\/)[\w/-]+(?=\.js")/g);
  return [...new Set(built)].map((name) => `js/${name}.ts`);
}

/**
 * Files that others load instead of taking them in: the entry, as the command line uses it as any program does, and the
 * embedded model, which few programs need. What loads them lies one folder below dist/.
 */
const apart = {
  name: "apart",
  setup({ onResolve }) {
    for (const [filter, path] of [
      [/\/entry\/node\.ts$/, "../entry/node.js"],
      [/\/echo\/answer\.ts$/, "../hosts/inference/echo/answer.js"],
    ]) {
      onResolve({ filter }, ({ kind }) => (kind === "entry-point" ? null : { path, external: true }));
    }
  },
};

main(async () => {
  const options = {
    ...{ absWorkingDir: root, outbase: "js", outdir: "dist", chunkNames: "shared/[name]-[hash]" },
    ...{ bundle: true, format: "esm", target: "es2023", platform: "neutral", packages: "external" },
    ...{ logLevel: "warning", plugins: [apart] },
  };
  const forNode = "js/entry/node.ts";
  await build({ ...options, entryPoints: [forNode], external: ["node:*"] });
  const others = [...entries().filter((file) => file !== forNode), "js/hosts/inference/echo/answer.ts"];
  await build({ ...options, entryPoints: others, external: ["node:*", "../wasm/*"], splitting: true });
});
