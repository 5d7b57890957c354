// The page, for what looks at it in a browser.
import { spawn } from "node:child_process";
import { node, root } from "./env.mjs";

/** The built page on a port of its own, until its server is killed. */
export async function servedPage() {
  const server = spawn(node, ["scripts/serve/page.mjs", "--built"], {
    cwd: root,
    env: { ...process.env, HOST: "127.0.0.1", PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((found) => {
    server.stdout.on("data", (text) => found(/http:\S+/.exec(String(text))?.[0]));
  });
  return { server, url };
}
