// The documentation builds as a site; each of its links leads to a page and, where it names one, to a heading; and it asks
// nothing of other hosts: fonts, scripts and search are its own.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/env.mjs";
import { filesUnder } from "../lib/files.mjs";
import { Failure, tee } from "../lib/process.mjs";
import { refuse } from "../lib/sources.mjs";

const dist = "docs/site/dist";
const base = "/docs/";

/** What a page has its reader load: everything but what is followed by a click. */
const loaded =
  /<(?:script|img|source|iframe|link|video|audio)\b[^>]*?\s(?:src|srcset|href)="((?:https?:)?\/\/[^"]+)"/g;
const loadedByStyle = /(?:url\(["']?|@import\s+["'])((?:https?:)?\/\/[^"')\s]+)/g;
const loadedByScript =
  /(?:fetch|import|importScripts|new (?:Worker|WebSocket|EventSource))\(\s*["'`]((?:https?:|wss?:)?\/\/[^"'`]+)/g;

/** What the file `name` loads from elsewhere. */
export function foreign(name, text) {
  const pattern = name.endsWith(".css") ? loadedByStyle : name.endsWith(".js") ? loadedByScript : loaded;
  return [...text.matchAll(pattern)].map(([, address]) => `${name} loads ${address}`);
}

/** The links of the pages (by their names) that lead nowhere; `isThere` knows of other files. */
export function dead(pages, isThere) {
  const ids = new Map();
  for (const [name, text] of pages) {
    ids.set(name, new Set([...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)));
  }
  const found = [];
  for (const [name, text] of pages) {
    for (const [, link] of text.matchAll(/<a\b[^>]*?\shref="([^"]+)"/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const { pathname, hash } = new URL(link, `http://site${base}${name}`);
      const path = pathname.slice(base.length).replace(/(^|\/)$/, "$1index.html");
      const id = decodeURIComponent(hash.slice(1));
      if (!pathname.startsWith(base) || !(ids.has(path) || isThere(path))) {
        found.push(`${name} links to ${link}`);
      } else if (id !== "" && ids.has(path) && !ids.get(path).has(id)) {
        found.push(`${name} links to ${link}, which has no such heading`);
      }
    }
  }
  return [...new Set(found)];
}

export default async function site() {
  const { status, output } = await tee(process.execPath, ["scripts/docs.mjs", "--quick"], { quiet: true });
  if (status !== 0)
    throw new Failure(`site: the build fails:\n${output.trim().split("\n").slice(-30).join("\n")}`);
  const texts = filesUnder([dist])
    .filter((file) => /\.(html|css|js)$/.test(file))
    .map((file) => [file.slice(dist.length + 1), readFileSync(join(root, file), "utf8")]);
  const pages = new Map(texts.filter(([name]) => name.endsWith(".html")));
  if (pages.size < 30) throw new Failure(`site: only ${pages.size} pages were built`);
  // The quick build is without rustdoc.
  const isThere = (path) => path.startsWith("rust/") || existsSync(join(root, dist, path));
  refuse("site", [...texts.flatMap(([name, text]) => foreign(name, text)), ...dead(pages, isThere)]);
}
