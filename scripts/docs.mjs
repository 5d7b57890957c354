// `npm run docs`: the documentation as a site of static files, in docs/site/dist: the papers of this repository by VitePress, and the
// reference of the library (TypeDoc) and of the crate (rustdoc). What it needs stands in docs/site/package.json, apart from the
// project's own packages. `--quick` leaves rustdoc out, which needs cargo. `--beside-page` also puts it beside the built page, at `/docs/`; DOCS_BASE
// says under which other path it will be served.
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { node, root, targetDir } from "./lib/env.mjs";
import { contentHash, unlessStamped } from "./lib/files.mjs";
import { main, run, say, seconds } from "./lib/process.mjs";
import { npmPackages } from "./setup/npm.mjs";

const site = join(root, "docs/site");
const inSite = (file) => join(site, "node_modules", file);

/** Installs what docs/site/package-lock.json names unless it is there. */
function sitePackages() {
  const lock = contentHash(["docs/site/package-lock.json"], process.platform, process.arch);
  unlessStamped("docs/site/node_modules/.edgebatch-stamp", lock, () => {
    say("docs: installing VitePress and TypeDoc (npm ci in docs/site) …");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: site });
  });
}

/** The reference of the library, as Markdown among the pages. */
function reference() {
  if (!existsSync(join(root, "js/wasm/edgebatch.d.ts"))) run(process.execPath, ["scripts/build.mjs"]);
  run(node, [inSite("typedoc/bin/typedoc"), "--options", join(site, "typedoc.json")]);
}

function rustdoc() {
  say("docs: rustdoc (cargo doc) …");
  run("cargo", ["doc", "--quiet", "--no-deps"]);
  cpSync(join(targetDir, "doc"), join(site, "dist/rust"), { recursive: true });
}

main(async () => {
  const start = performance.now();
  const quick = process.argv.includes("--quick");
  npmPackages();
  sitePackages();
  const { writePages } = await import("../docs/site/pages.mjs");
  say(`docs: ${writePages()} pages …`);
  reference();
  rmSync(join(site, "dist"), { recursive: true, force: true });
  run(node, [inSite("vitepress/bin/vitepress.js"), "build", site]);
  if (!quick) rustdoc();
  const { writeHeaders } = await import("../docs/site/headers.mjs");
  writeHeaders(join(site, "dist"), process.env.DOCS_BASE ?? "/docs/");
  say(`docs: the site is in docs/site/dist (${seconds(start)})`);
  if (!process.argv.includes("--beside-page")) return;
  run(process.execPath, ["scripts/build.mjs"]);
  const { putBeside } = await import("../docs/site/beside.mjs");
  putBeside(join(root, "dist/page"), join(site, "dist"));
  say("docs: and in dist/page/docs, beside the page");
});
