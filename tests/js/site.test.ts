/** What the site of the papers is checked by finds what it is there to find. The gate `site` builds it. */

import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";

const root = join(import.meta.dirname, "../..");
const { dead, foreign } = await import(join(root, "scripts/gates/site.mjs"));
const { headers, inlineHashes } = await import(join(root, "docs/site/headers.mjs"));
const { putBeside } = await import(join(root, "docs/site/beside.mjs"));
const { outsideCode } = await import(join(root, "docs/site/pages.mjs"));

suite("foreign origins", () => {
  for (const [name, text] of [
    ["a.html", '<script async src="https://cdn.example/x.js"></script>'],
    ["a.html", '<link rel="preload" href="//fonts.example/a.woff2">'],
    ["a.html", '<img alt="" src="http://pictures.example/a.png">'],
    ["a.css", "a { background: url(https://pictures.example/a.png) }"],
    ["a.css", '@import "https://styles.example/a.css";'],
    ["a.js", 'fetch("https://api.example/")'],
    ["a.js", 'new WebSocket("wss://api.example/")'],
  ] as const) {
    test(`are found in ${text}`, () => assert.equal(foreign(name, text).length, 1));
  }

  test("are not what a reader may follow by a click, nor what is the site's own", () => {
    const own = '<a href="https://example.com">x</a><script src="/docs/x.js"></script><img src="./a.svg">';
    assert.deepEqual(foreign("a.html", own), []);
  });
});

test("a link that leads to no page, to no heading or out of the site is dead", () => {
  const pages = new Map([
    [
      "index.html",
      '<a href="/docs/a.html#there">1</a><a href="./b.html">2</a><a href="https://example.com">3</a>',
    ],
    [
      "a.html",
      '<h2 id="there"></h2><a href="#gone">4</a><a href="/elsewhere">5</a><a href="/docs/">6</a><a href="x.png">7</a>',
    ],
  ]);
  assert.deepEqual(
    dead(pages, (path: string) => path === "x.png"),
    [
      "index.html links to ./b.html",
      "a.html links to #gone, which has no such heading",
      "a.html links to /elsewhere",
    ],
  );
});

test("the policy names the scripts inside pages by their hashes, each once, and fits into a header", () => {
  const pages = [
    "<script>a()</script><script src='x.js'></script>",
    "<script>a()</script><script id='b'>b()</script>",
  ];
  assert.equal(inlineHashes(pages).length, 2);
  const text: string = headers(pages, "/docs/");
  assert.match(text, /^\/docs\/\*\n {2}! Content-Security-Policy\n.*'sha256-[^;]*'sha256-/);
  assert(text.split("\n").every((line) => line.length < 2000));
});

test("code in a paper is left as it stands", () => {
  const paper = "[a](x)\n````sh\n[a](x)\n```\n[a](x)\n````\n[a](x)";
  const changed = outsideCode(paper, (line: string) => line.replace("x", "y"));
  assert.equal(changed, "[a](y)\n````sh\n[a](x)\n```\n[a](x)\n````\n[a](y)");
});

test("beside the page it is in a folder of its own, with its headers, and the page knows of it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "edgebatch-site-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [page, site] = [join(folder, "page"), join(folder, "site")];
  for (const [path, text] of [
    ["page/index.html", '<!doctype html>\n<html lang="en">\n'],
    ["page/_headers", "/*\n  a: b\n"],
    ["site/errors.html", "errors"],
    ["site/_headers", "/docs/*\n  c: d\n"],
  ] as const) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const read = (name: string) => readFileSync(join(page, name), "utf8");
  for (let i = 0; i < 2; i++) {
    putBeside(page, site);
    assert.equal(read("docs/errors.html"), "errors");
    assert.equal(read("index.html"), '<!doctype html>\n<html data-docs="docs/" lang="en">\n');
    assert.equal(read("_headers"), "/*\n  a: b\n# The site of the papers\n/docs/*\n  c: d\n");
  }
});
