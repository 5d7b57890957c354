// What the projects of tests/packaging are built with: bundlers, frameworks, and the oldest versions that are supported.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/env.mjs";
import { contentHash, unlessStamped } from "../lib/files.mjs";
import { run, say, seconds } from "../lib/process.mjs";

/** Installs what tests/packaging/package-lock.json names unless it is there. */
export function packagingTools() {
  const own = ["tests/packaging/package-lock.json", "tests/packaging/package.json", ".npmrc"];
  unlessStamped("tests/packaging/node_modules/.edgebatch-stamp", contentHash(own, process.platform), () => {
    const start = performance.now();
    say("set-up: installing bundlers and frameworks for the tests of the package (npm ci) …");
    const cwd = join(root, "tests/packaging");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd });
    // Where npm was told not to run install scripts, the Node package has not fetched its binary yet.
    const folder = join(cwd, "node_modules/node-oldest");
    if (!existsSync(join(folder, "bin/node")))
      run(process.execPath, ["installArchSpecificPackage.js"], { cwd: folder });
    say(`set-up: bundlers and frameworks ready in ${seconds(start)}`);
  });
}
