/** The packed package in what bundlers make of it, run where it is for: in Chromium, and in Node. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startBrowser } from "../page/browser.ts";
import { answerAt, answerOf, prepare, right, root, run, tool } from "./projects.ts";

let folder = "";
let browser: Browser;
before(async () => {
  ({ folder } = prepare("bundlers", "esbuild", "rollup", "webpack", "vite"));
  browser = await startBrowser();
});
after(() => browser?.close());

const both = `${right}, ${right}`;
const esbuild = join(root, "node_modules/esbuild/bin/esbuild");
const vite = tool("vite", "bin/vite.js");

test("esbuild bundles it for browsers, with the wasm as files or inside, and for Node", async () => {
  const bundle = (...args: string[]) =>
    run(esbuild, ["--bundle", "--log-level=warning", ...args], join(folder, "esbuild"));
  await bundle("files.js", "--format=esm", "--loader:.wasm=file", "--outdir=files");
  assert.equal(
    await answerOf(browser, join(folder, "esbuild/files"), { src: "/files.js", type: "module" }),
    right,
  );
  await bundle("inline.js", "--format=iife", "--outfile=inline/main.js");
  assert.equal(
    await answerOf(browser, join(folder, "esbuild/inline"), { src: "/main.js", type: "text/javascript" }),
    right,
  );
  for (const format of ["esm", "cjs"] as const) {
    const file = `node-${format}.${format === "esm" ? "mjs" : "cjs"}`;
    await bundle("inline.js", "--platform=node", `--format=${format}`, `--outfile=${file}`);
    assert.equal(await run(process.execPath, [file], join(folder, "esbuild")), right);
  }
});

test("Rollup bundles it", async () => {
  const config = `
    import { resolve } from "node:path";
    export default {
      input: "main.js", output: { file: "built/main.js", format: "iife" },
      // What a resolver of packages does.
      plugins: [{ name: "packages", resolveId: (id) => id.startsWith("edgebatch/") ? resolve("../node_modules/edgebatch/dist/entry", id.slice(10) + ".js") : null }],
    };`;
  writeFileSync(join(folder, "rollup/rollup.config.mjs"), config);
  await run(
    process.execPath,
    [tool("rollup", "dist/bin/rollup"), "-c", "rollup.config.mjs"],
    join(folder, "rollup"),
  );
  assert.equal(
    await answerOf(browser, join(folder, "rollup/built"), { src: "/main.js", type: "text/javascript" }),
    right,
  );
  assert.equal(await run(process.execPath, ["built/main.js"], join(folder, "rollup")), right);
});

test("webpack bundles it for browsers, a worker of theirs, and Node", async () => {
  const script = `
    import webpack from ${JSON.stringify(import.meta.resolve("webpack"))};
    const common = { mode: "production", performance: false, context: process.cwd(), optimization: { minimize: false } };
    const configs = [
      { ...common, entry: "./main.js", output: { path: process.cwd() + "/built", filename: "main.js" } },
      { ...common, target: "node", entry: "./server.js", output: { path: process.cwd() + "/server", filename: "main.cjs" } },
    ];
    webpack(configs, (error, stats) => {
      const { errors = [], warnings = [] } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
      for (const { message } of [...errors, ...warnings]) console.error(message);
      if (error) console.error(error);
      process.exitCode = error || errors.length + warnings.length > 0 ? 1 : 0;
    });`;
  writeFileSync(join(folder, "webpack/bundle.mjs"), script);
  await run(process.execPath, ["bundle.mjs"], join(folder, "webpack"));
  const script_ = { src: "/main.js", type: "text/javascript" };
  assert.equal(await answerOf(browser, join(folder, "webpack/built"), script_), both);
  assert.equal(await run(process.execPath, ["server/main.cjs"], join(folder, "webpack")), right);
});

test("Vite serves and builds it for the main thread and a worker, and for the server, as it stands and bundled", async () => {
  const cwd = join(folder, "vite");
  await run(process.execPath, [vite, "build", "--logLevel", "warn"], cwd);
  assert.equal(await answerOf(browser, join(cwd, "dist")), both);
  const dev = spawn(process.execPath, [vite, "--port", "0", "--host", "127.0.0.1"], {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let printed = "";
    for await (const part of dev.stdout) {
      printed += part;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
      const [, url] = /(http:\/\/127\.0\.0\.1:\d+\/)/.exec(printed.replace(/\u001b\[\d+m/g, "")) ?? [];
      if (url === undefined) continue;
      assert.equal(await answerAt(browser, url), both);
      break;
    }
  } finally {
    dev.kill();
    await once(dev, "exit");
  }
  const server = async (entry: string, config: string) => {
    writeFileSync(
      join(cwd, "server.config.js"),
      `export default { ssr: ${config}, build: { target: "es2022" } };`,
    );
    const args = [
      "build",
      "--config",
      "server.config.js",
      "--ssr",
      entry,
      "--outDir",
      "server",
      "--logLevel",
      "warn",
    ];
    await run(process.execPath, [vite, ...args], cwd);
    return run(process.execPath, [`server/${entry}`], cwd);
  };
  assert.equal(await server("server.js", "{}"), right);
  assert.equal(await server("server-inline.js", "{ noExternal: true }"), right);
});
