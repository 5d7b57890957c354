// Builds the package: Rust to wasm, its JavaScript glue, the optimiser, then TypeScript, then the page. What has
// unchanged inputs is skipped. js/wasm holds the wasm for running the sources, dist/ is what npm publishes, and
// dist/page the page. `node scripts/build.mjs component` builds the WebAssembly components instead, into target/components.
import { buildComponents } from "./build/component.mjs";
import { buildPackage } from "./build/package.mjs";
import { buildPage } from "./build/page.mjs";
import { buildWasm, checkWasmSize } from "./build/wasm.mjs";
import { Failure, isMain, main, say, seconds } from "./lib/process.mjs";
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
  main(async () => {
    const start = performance.now();
    const [what, ...others] = process.argv.slice(2);
    if (others.length > 0 || (what !== undefined && what !== "component"))
      throw new Failure("build: there is `component` to be built alone, and all the rest without a word");
    if (what === "component") await buildComponents(setup());
    else build();
    say(`build: up to date (${seconds(start)})`);
  });
}
