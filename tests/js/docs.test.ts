/** The papers hold together: sections of docs/contract.md that sources cite, codes that they give, links. */

import { strict as assert } from "node:assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const contract = readFileSync(join(root, "docs/contract.md"), "utf8");

/** Files under some folders of the repository, by their path in it. */
function sources(folders: string[], extension: RegExp): [path: string, text: string][] {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  );
  const own = paths.filter((path) => extension.test(path) && !path.startsWith("js/wasm/"));
  return own.map((path) => [path, readFileSync(join(root, path), "utf8")]);
}

/** Every match of a pattern's first group, with the files it is in. */
function found(files: [path: string, text: string][], pattern: RegExp): Map<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  for (const [path, text] of files) {
    for (const [, what] of text.matchAll(pattern)) {
      places.set(what as string, (places.get(what as string) ?? new Set()).add(path));
    }
  }
  return places;
}

/** The ones that are missing, as `what (files)`. */
function missing(places: Map<string, Set<string>>, isThere: (what: string) => boolean): string[] {
  return [...places].filter(([what]) => !isThere(what)).map(([what, paths]) => `${what} (${[...paths]})`);
}

test("every section of the contract that a comment cites is there", () => {
  const sections = new Set(
    [...contract.matchAll(/^#{2,3} (\d+(?:\.\d+)?)\.? /gm)].map(([, number]) => number),
  );
  const cited = found(sources(["src", "js", "tests"], /\.(rs|tsx?)$/), /[Cc]ontract,? §(\d+(?:\.\d+)?)/g);
  assert(sections.size > 10 && cited.size > 5, "the patterns find something");
  assert.deepEqual(
    missing(cited, (section) => sections.has(section)),
    [],
  );
});

test("every error code that the code can give is in the contract", () => {
  // Every lower-case word with an underscore that these write is a code, or a name of the wire.
  const core = sources(["src"], /\.rs$/)
    .filter(([path]) => /^src\/(validate|input|service|result|batch|driver)\b/.test(path))
    .map(([path, text]): [string, string] => [path, text.split("#[cfg(test)]")[0] as string])
    .map(([path, text]): [string, string] => [path, text.replaceAll(/^ *(\/\/|#\[).*$/gm, "")]);
  const words = found(core, /"([a-z]+(?:_[a-z]+)+)"/g);
  // Names in other people's answers, which are read and not given.
  words.delete("insufficient_quota");
  const hosts = sources(["js"], /\.tsx?$/).filter(([path]) => !path.startsWith("js/hosts/inference/"));
  const codes = found(hosts, /\bcode: "([a-z_]+)"/g);
  const bounds = found(hosts, /"([a-z]+(?:_[a-z]+)*_(?:min|max)_[a-z]+)"/g);
  assert(words.size > 30 && codes.size > 10 && bounds.size > 1, "the patterns find something");
  const listed = (word: string) => new RegExp(`[\`".]${word}[\`".]`).test(contract);
  assert.deepEqual([words, codes, bounds].flatMap((places) => missing(places, listed)).sort(), []);
});

test("every link between the papers leads to a file, and to a heading where it names one", () => {
  const folders = [".", "docs", "docs/decisions", "docs/runtimes", "tests"];
  const papers = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
  );
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-");
  const broken: string[] = [];
  for (const paper of papers) {
    const text = readFileSync(join(root, paper), "utf8");
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link as string)) continue;
      const [path = "", heading] = (link as string).split("#");
      const target = path === "" ? join(root, paper) : join(root, dirname(paper), path);
      const headings = () =>
        [...readFileSync(target, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, it]) => anchor(it as string));
      if (!existsSync(target) || (heading !== undefined && !headings().includes(heading)))
        broken.push(`${paper}: ${link}`);
    }
  }
  assert(papers.length > 10, "papers are found");
  assert.deepEqual(broken, []);
});
