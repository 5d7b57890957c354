// What a file of TypeScript or JavaScript imports.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./env.mjs";
import { code } from "./sources.mjs";

/** Imports and re-exports, those of types among them, and modules that are asked for later. */
const statement =
  /(?:^|[;}\n])\s*(?:import|export)\b(?:[^"';]*?\bfrom)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

/** What stands in the quotes. */
export function specifiers(file) {
  return [...code(file).matchAll(statement)].map((match) => match[1] ?? match[2]);
}

/** The imports of a file: those of other files as paths from the root, packages as they are called. */
export function imports(file) {
  return specifiers(file).map((name) => (name.startsWith(".") ? resolved(file, name) : name));
}

function resolved(file, name) {
  const path = join(dirname(file), name);
  // The sources name a file by its own ending; what is built from them ends in .js.
  const typed = path.replace(/\.js$/, ".ts");
  return !existsSync(join(root, path)) && existsSync(join(root, typed)) ? typed : path;
}
