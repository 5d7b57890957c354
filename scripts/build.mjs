// Builds the package: Rust to wasm, its JavaScript glue, the optimiser, then TypeScript, then the page. What has
// unchanged inputs is skipped. js/wasm holds the wasm for running the sources, dist/ is what npm publishes, and
// dist/page the page.
import { buildPackage } from "./build/package.mjs";
import { buildPage } from "./build/page.mjs";
import { buildWasm, checkWasmSize } from "./build/wasm.mjs";
import { isMain, main, say, seconds } from "./lib/process.mjs";
import { setup } from "./setup.mjs";

/** Sets up and builds what changed. */
export function build(options) {
  const versions = setup(options);
  const fresh = buildWasm(versions);
  checkWasmSize(fresh);
  buildPackage();
  buildPage();
  return versions;
}

if (isMain(import.meta.url)) {
  main(() => {
    const start = performance.now();
    build();
    say(`build: up to date (${seconds(start)})`);
  });
}
