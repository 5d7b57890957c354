// `npm run page`: sets up, builds and serves the page by itself, on this machine alone. Another static host does as
// well: all it has to do is serve dist/page, with the headers that its file _headers names.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "../build.mjs";
import { node, root } from "../lib/env.mjs";
import { main, say } from "../lib/process.mjs";

/** By the project's own Node, where this one is an older one that cannot read the server's sources. */
function serveByOther() {
  const child = spawn(node, [join(root, "scripts/serve/page.mjs"), "--built"], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (status) => process.exit(status ?? 1));
}

main(async () => {
  // Tests have built already.
  if (!process.argv.includes("--built")) build();
  if (!process.features.typescript) return serveByOther();
  const { serve } = await import("@hono/node-server");
  const { pageOf } = await import("../../js/node/serve/page.ts");
  const file = pageOf(join(root, "dist/page"));
  const fetch = async (request) => {
    const missing = () => new Response("Not found\n", { status: 404 });
    return (await file(new URL(request.url).pathname)) ?? missing();
  };
  const hostname = process.env.HOST || "localhost";
  const port = Number(process.env.PORT || 8080);
  const server = serve({ fetch, hostname, port }, (at) => {
    say(`The page is at http://${hostname}:${at.port}/ (Ctrl+C stops it)`);
  });
  server.on("error", (error) => {
    process.stderr.write(`page: ${error.message}\n`);
    process.exitCode = 1;
  });
});
