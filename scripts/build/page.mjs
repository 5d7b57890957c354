// Bundles the page (js/page) into dist/page: plain files for any static host. Scripts and styles carry a hash of their
// content in their names, so that they may be kept for ever; index.html, which names them, is asked for anew.

import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { bin, root } from "../lib/env.mjs";
import { contentHash, filesUnder, unlessStamped } from "../lib/files.mjs";
import { Failure, run, say, seconds } from "../lib/process.mjs";

/** What all scripts of the page may weigh after gzip, the wasm aside. */
const budget = 60 * 1024;

const out = join(root, "dist/page");
const assets = join(out, "assets");
/** What browsers must understand. Top-level await is not among it, nor anything newer. */
const browsers = ["chrome109", "firefox115", "safari16.4"];

/**
 * Bundles one entry; gives its path from the page. Scripts are made smaller by terser, which folds what esbuild leaves: that
 * is one byte in twenty.
 */
function bundle(entry, name, options = []) {
  const ending = entry.endsWith(".css") ? "css" : "js";
  const made = join(assets, `bundled.${ending}`);
  run(join(bin, "esbuild"), [
    join("js/page", entry),
    ...["--bundle", "--minify", "--charset=utf8", "--legal-comments=none", "--log-level=warning"],
    ...[`--outfile=${made}`, `--target=${browsers.join(",")}`],
    ...options,
  ]);
  if (ending === "js") {
    const fold = ["--compress", "passes=3,ecma=2020", "--mangle", "--ecma", "2020"];
    run(join(bin, "terser"), [made, ...fold, "--output", made]);
  }
  const path = `assets/${name}-${hashOf(readFileSync(made))}.${ending}`;
  renameSync(made, join(out, path));
  return path;
}

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();

/** Builds the page if something of it has changed. */
export function buildPage() {
  const inputs = filesUnder(["js", "package-lock.json", "scripts/build/page.mjs"]);
  return unlessStamped("dist/.page-stamp", contentHash(inputs), () => {
    const start = performance.now();
    say("build: page (esbuild) …");
    rmSync(out, { recursive: true, force: true });
    mkdirSync(assets, { recursive: true });
    const wasm = readFileSync(join(root, "js/wasm/validator_bg.wasm"));
    const wasmPath = `assets/validator-${hashOf(wasm)}.wasm`;
    writeFileSync(join(out, wasmPath), wasm);
    const scripts = ["--format=iife", "--jsx=automatic", "--jsx-import-source=preact"];
    // The core's glue can find the wasm by itself, which no script here asks it to.
    scripts.push('--define:import.meta.url=""');
    const reader = bundle("reader/worker.ts", "reader", scripts);
    const script = bundle("main.tsx", "page", [
      ...scripts,
      `--define:__READER__=${JSON.stringify(reader)}`,
      `--define:__WASM__=${JSON.stringify(wasmPath)}`,
    ]);
    const style = bundle("style.css", "page");
    const html = readFileSync(join(root, "js/page/index.html"), "utf8");
    writeFileSync(join(out, "index.html"), html.replace("{{style}}", style).replace("{{script}}", script));
    const plain = ["icon.svg", "manifest.webmanifest"];
    for (const file of ["_headers", ...plain]) copyFileSync(join(root, "js/page", file), join(out, file));
    const files = ["./", ...plain, script, reader, style, wasmPath];
    const shell = readFileSync(join(out, "index.html"));
    run(join(bin, "esbuild"), [
      ...["js/page/offline.ts", "--bundle", "--minify", "--format=iife", "--log-level=warning"],
      ...[`--outfile=${join(out, "offline.js")}`, `--target=${browsers.join(",")}`],
      `--define:__FILES__=${JSON.stringify(files)}`,
      `--define:__VERSION__=${JSON.stringify(hashOf(shell))}`,
    ]);
    say(`build: page in ${seconds(start)}`);
  });
}

/** The size of the page's scripts; throws when it is over the budget. */
export function checkPageSize() {
  if (!existsSync(assets)) throw new Failure("size: there is no page; build first");
  const scripts = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  const zipped = scripts.map((file) => gzipSync(readFileSync(join(out, file)), { level: 9 }).length);
  const sum = zipped.reduce((a, b) => a + b, 0);
  const kib = (count) => `${(count / 1024).toFixed(1)} KiB`;
  const text = `the page's scripts are gzipped ${kib(sum)} of at most ${kib(budget)}`;
  if (sum > budget) throw new Failure(`size: ${text}: over the budget`);
  say(
    `size: ${text} (${scripts.map((file, i) => `${basename(file).split(/[-.]/)[0]} ${kib(zipped[i])}`).join(", ")})`,
  );
}
