/** The snippets of the papers, where they stand. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");

export interface Snippet {
  /** The paper and the line. */
  at: string;
  language: string;
  text: string;
}

/** Nothing to be parsed: what the reader's own program writes, and a line for the README of a repository. */
export const texts = ["text", "markdown"];

export function snippets(): Snippet[] {
  const folders = ["docs", "docs/decisions", "docs/runtimes"];
  const docs = folders.flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  );
  const papers = [
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "examples/deno/README.md",
    "examples/worker/README.md",
    ...docs,
  ];
  return papers
    .filter((name) => name.endsWith(".md"))
    .flatMap((name) => {
      const paper = readFileSync(join(root, name), "utf8");
      return [...paper.matchAll(/^( *)```(\w+)\n([\s\S]*?)^\1```$/gm)].map((found) => {
        const [, indent = "", language = "", text = ""] = found;
        const line = paper.slice(0, found.index).split("\n").length;
        return { at: `${name}:${line}`, language, text: text.replaceAll(new RegExp(`^${indent}`, "gm"), "") };
      });
    });
}
