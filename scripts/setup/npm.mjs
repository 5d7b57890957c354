// npm packages, and with them the Node that everything else runs on.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { node, root } from "../lib/env.mjs";
import { contentHash, unlessStamped } from "../lib/files.mjs";
import { capture, Failure, run, say, seconds } from "../lib/process.mjs";

/** Installs what package-lock.json names unless it is there; gives the version of Node. */
export function npmPackages() {
  const lock = contentHash(["package-lock.json", ".npmrc"], process.platform, process.arch);
  unlessStamped("node_modules/.edgebatch-stamp", lock, () => {
    const start = performance.now();
    say("set-up: installing npm packages (npm ci) …");
    // Errors only: the npm at hand may run on a Node older than the one that some packages ask for and are given.
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    // Where npm was told not to run install scripts, the Node package has not fetched its binary yet.
    const folder = join(root, "node_modules", "node");
    if (!existsSync(join(folder, "bin", "node"))) {
      say("set-up: letting the npm package `node` fetch its binary …");
      run(process.execPath, ["installArchSpecificPackage.js"], { cwd: folder });
      run("npm", ["rebuild", "--ignore-scripts", "--loglevel=error", "node"]);
    }
    say(`set-up: npm packages ready in ${seconds(start)}`);
  });
  const version = capture(node, ["--version"]);
  if (version === null) throw new Failure(`set-up: ${node} does not run; delete node_modules and try again`);
  return version;
}
