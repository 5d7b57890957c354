/** Child processes of Deno that run a piece of TypeScript over a `DenoKV`. */

import type { ChildProcess } from "node:child_process";
import { start } from "../hosts/children.ts";
import { programs } from "../server/suite/runtimes.ts";

/** Deno, which has its key-value store behind a flag. */
export const deno = [...programs.deno, "--unstable-kv"];

/** Where the children's own helpers are, for imports within their source. */
export const inside = new URL("./inside/", import.meta.url).href;

/** Starts Deno with the source, which has `kv` over the file. */
export function startOver(directory: string, path: string, source: string): ChildProcess {
  return start(directory, `${opened(path)}\n${source}`, deno);
}

/** Lines that end with `const kv = …;`. */
export function opened(path: string): string {
  return `import { openKv } from ${JSON.stringify(`${inside}open.ts`)};
    const kv = await openKv(${JSON.stringify(path)});`;
}
