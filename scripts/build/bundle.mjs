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

/** The entry, which the command line uses as any program does. */
const entry = [/\/entry\/node\.ts$/, "../entry/node.js"];
/** The embedded model, which few programs need. */
const model = [/\/echo\/answer\.ts$/, "../hosts/inference/echo/answer.js"];
/** The server, which knows rooms of the core that the entry does not give out, and so takes all of it in. */
const server = [/\/node\/serve\.ts$/, "../node/serve.js"];

/** Files that others load instead of taking them in. What loads them lies one folder below dist/. */
const apart = (...files) => ({
  name: "apart",
  setup({ onResolve }) {
    for (const [filter, path] of files) {
      onResolve({ filter }, ({ kind }) => (kind === "entry-point" ? null : { path, external: true }));
    }
  },
});

main(async () => {
  const options = {
    ...{ absWorkingDir: root, outbase: "js", outdir: "dist", chunkNames: "shared/[name]-[hash]" },
    ...{ bundle: true, format: "esm", target: "es2023", platform: "neutral", packages: "external" },
    ...{ logLevel: "warning", plugins: [apart(entry, model, server)] },
  };
  const forNode = "js/entry/node.ts";
  await build({ ...options, entryPoints: [forNode], external: ["node:*"] });
  const forServing = { entryPoints: ["js/node/serve.ts"], plugins: [apart(model)] };
  await build({ ...options, ...forServing, external: ["node:*"] });
  // A thread of the server's, which looks for it beside the server's own file.
  const thread = { entryPoints: { "node/store-writer": "js/node/serve/store-writer.ts" } };
  await build({ ...options, ...thread, external: ["node:*"] });
  // The whole Worker, which knows rooms of the core that the entry does not give out, as the server does.
  const forDeploying = "js/worker/index.ts";
  const worker = { entryPoints: [forDeploying], external: ["node:*", "cloudflare:*", "../wasm/*.wasm"] };
  await build({ ...options, ...worker, plugins: [apart(model)] });
  const withWasm = "js/entry/inline.ts";
  const inline = { entryPoints: [withWasm], loader: { ".wasm": "binary" }, external: ["node:*"] };
  await build({ ...options, ...inline, plugins: [] });
  const apartFromOthers = [forNode, forDeploying, withWasm];
  const others = entries().filter((file) => !apartFromOthers.includes(file));
  others.push("js/hosts/inference/echo/answer.ts");
  await build({ ...options, entryPoints: others, external: ["node:*", "../wasm/*"], splitting: true });
});
