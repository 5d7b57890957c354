// `npm start`: sets up, builds and serves the Worker in workerd, on this machine alone and offline. Files, batches and
// their runs are kept under $STATE_DIR. The Worker's settings are taken from the environment.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "../build.mjs";
import { node, root } from "../lib/env.mjs";
import { main } from "../lib/process.mjs";

/** Whether this Node can serve: the first start may be an older one's, which only sets the project's own up. */
function serves() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 13);
}

/** Serves by the project's own Node; the exit status. */
async function serveByOther() {
  const child = spawn(node, [join(root, "scripts/serve/worker/serve.mjs")], {
    cwd: root,
    env: { ...process.env, EDGEBATCH_STARTER: String(process.pid) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return new Promise((ended) => child.once("exit", (status) => ended(status ?? 1)));
}

main(async () => {
  // Tests have built already.
  if (!process.argv.includes("--built")) build();
  if (!serves()) process.exit(await serveByOther());
  const { serveAndExit } = await import("./worker/serve.mjs");
  await serveAndExit();
});
