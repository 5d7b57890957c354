/** The page, from the folder it was built into: a few files, with the headers that its file `_headers` names. */

import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** Gives the file at a path; null when it is none of the page's. */
export type Page = (path: string) => Promise<Response | null>;

/** The page of a folder; none where it was not built. */
export function pageOf(folder: string): Page {
  const names = readNames(folder);
  const rules = names.has("/_headers") ? rulesOf(readFileSync(join(folder, "_headers"), "utf8")) : [];
  return async (path) => {
    const name = path === "/" ? "/index.html" : path;
    const type = types[extname(name)];
    if (type === undefined || !names.has(name)) return null;
    const headers = new Headers({ "content-type": type });
    for (const rule of rules.filter(({ paths }) => paths.test(path))) {
      for (const [header, value] of rule.headers) {
        if (value === null) headers.delete(header);
        else headers.set(header, value);
      }
    }
    return new Response(new Uint8Array(await readFile(join(folder, name))), { headers });
  };
}

function readNames(folder: string): Set<string> {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return new Set(names.map((name) => `/${name.replaceAll("\\", "/")}`));
  } catch {
    return new Set();
  }
}

interface Rule {
  paths: RegExp;
  /** Null takes a header away again. */
  headers: [name: string, value: string | null][];
}

/** The rules of `_headers`, in the form that Cloudflare, Netlify and others read. */
function rulesOf(text: string): Rule[] {
  const rules: Rule[] = [];
  for (const line of text.split("\n")) {
    const [, away, name, value = ""] = /^\s+(! )?([\w-]+)(?::\s*(.*))?$/.exec(line) ?? [];
    if (name !== undefined) rules.at(-1)?.headers.push([name, away === undefined ? value : null]);
    else if (line.trim() !== "") rules.push({ paths: patternOf(line.trim()), headers: [] });
  }
  return rules;
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
}
