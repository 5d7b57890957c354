// What npm publishes, but for the page: declarations by tsc, bundles by esbuild, the wasm beside them. Made in dist/.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bin, node, root } from "../lib/env.mjs";
import { contentHash, filesUnder, unlessStamped } from "../lib/files.mjs";
import { run, say, seconds } from "../lib/process.mjs";

/** Builds the package if something of it has changed. */
export function buildPackage() {
  const inputs = filesUnder(
    [
      "js",
      "tsconfig.json",
      "tsconfig.build.json",
      "package.json",
      "package-lock.json",
      "scripts/build/package.mjs",
      "scripts/build/bundle.mjs",
    ],
    (path) => path === "js/page",
  );
  return unlessStamped("dist/.stamp", contentHash(inputs), () => {
    const start = performance.now();
    say("build: TypeScript (tsc, esbuild) …");
    rmSync(join(root, "dist"), { recursive: true, force: true });
    run(node, [join(bin, "tsc"), "-p", "tsconfig.build.json"]);
    run(node, [join(root, "scripts/build/bundle.mjs")]);
    mkdirSync(join(root, "dist/wasm"), { recursive: true });
    for (const file of filesUnder(["js/wasm"], (path) => path.endsWith("/.stamp"))) {
      copyFileSync(join(root, file), join(root, "dist/wasm", file.slice("js/wasm/".length)));
    }
    say(`build: TypeScript in ${seconds(start)}`);
  });
}
