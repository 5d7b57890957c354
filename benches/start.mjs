// From import to the first validated line, in a fresh process of Node and a fresh isolate of workerd each time. Prints one
// JSON object of milliseconds. `node benches/start.mjs ROUNDS`
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import runtime from "workerd";

const dist = new URL("../dist/", import.meta.url);

const line = `{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}\\n`;
const validate = `
  const validator = new Validator({ endpoint: "/v1/chat/completions" });
  validator.push(new TextEncoder().encode('${line}'));
  const { validCount } = validator.report();
`;

const entry = new URL("entry/node.js", dist).href;
const program = `
  const start = performance.now();
  const { Validator } = await import(${JSON.stringify(entry)});
  ${validate}
  console.log(validCount === 1 ? performance.now() - start : NaN);
`;

/** Time told by the process itself: what Node takes before it runs anything is no matter of ours. */
const node = () =>
  Number(execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" }));

/** Every module that an entry of dist/ needs, by its path there. */
function modules(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  if (!path.endsWith(".js")) return found;
  for (const [, name] of readFileSync(new URL(path, dist), "utf8").matchAll(
    /(?:from|import) ?"(\.[^"]+)"/g,
  )) {
    modules(new URL(name, new URL(path, dist)).href.slice(dist.href.length), found);
  }
  return found;
}

function configuration(folder) {
  const main = `
    export default {
      async fetch(request) {
        if (request.url.endsWith("/nothing")) return new Response("1");
        const { Validator } = await import("./entry/workerd.js");
        ${validate}
        return new Response(String(validCount));
      }
    }`;
  writeFileSync(join(folder, "main.js"), main);
  const lines = [...modules("entry/workerd.js")].map((path) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    copyFileSync(new URL(path, dist), join(folder, path));
    return `(name = "${path}", ${path.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${path}")`;
  });
  const config = `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = .worker)],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );
    const worker :Workerd.Worker = (
      modules = [(name = "main.js", esModule = embed "main.js"), ${lines.join(", ")}],
      compatibilityDate = "2026-01-01",
    );`;
  writeFileSync(join(folder, "config.capnp"), config);
}

/**
 * Clocks stand still inside workerd, so the first request that loads the package is timed from outside, less one that
 * does nothing.
 */
async function workerd() {
  const folder = mkdtempSync(join(tmpdir(), "edgebatch-start-"));
  configuration(folder);
  const server = spawn(runtime.default, ["serve", join(folder, "config.capnp"), "--control-fd=1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  try {
    const [told] = await once(server.stdout, "data");
    const { port } = JSON.parse(String(told).split("\n")[0]);
    const timed = async (path) => {
      const start = performance.now();
      const text = await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
      if (text !== "1") throw new Error(`workerd validated ${text}`);
      return performance.now() - start;
    };
    for (let i = 0; i < 20; i++) await timed("/nothing");
    const nothing = await timed("/nothing");
    return (await timed("/validate")) - nothing;
  } finally {
    server.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

const rounds = Array.from({ length: Number(process.argv[2]) });
// One after the other: a server that has just ended still takes the machine's time.
const times = { node: rounds.map(node), workerd: [] };
for (const _ of rounds) times.workerd.push(await workerd());
process.stdout.write(JSON.stringify(times));
