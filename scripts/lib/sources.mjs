// Which files are whose, and how gates say what they found in them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./env.mjs";
import { filesUnder } from "./files.mjs";
import { Failure } from "./process.mjs";

const isCode = (file) => /\.[mc]?[tj]sx?$/.test(file);

export const rustFiles = (folder = "src") =>
  filesUnder([folder], (path) => path.endsWith("/target")).filter((file) => file.endsWith(".rs"));

/** TypeScript and JavaScript under these folders, but for what the build makes. */
export const scriptFiles = (...folders) =>
  filesUnder(folders, (path) => path === "js/wasm" || path.endsWith("node_modules")).filter(isCode);

export const read = (file) => readFileSync(join(root, file), "utf8");

/** The text of a file without its comments, line by line as it stands. */
export function code(file) {
  return read(file)
    .replace(/(^|\s)\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** Every place where a line of the files matches, comments aside. */
export function places(files, pattern) {
  const found = [];
  for (const file of files) {
    for (const [index, line] of code(file).split("\n").entries()) {
      if (pattern.test(line)) found.push(`${file}:${index + 1}: ${line.trim()}`);
    }
  }
  return found;
}

/** Fails a gate with all its complaints, if there are any. */
export function refuse(title, complaints) {
  if (complaints.length > 0) throw new Failure(`${title}:\n  ${complaints.join("\n  ")}`);
}
