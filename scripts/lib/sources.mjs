// Which files are whose, and how gates say what they found in them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./env.mjs";
import { filesUnder } from "./files.mjs";
import { Failure } from "./process.mjs";

const isCode = (file) => /\.[mc]?[tj]sx?$/.test(file);

export const rustFiles = (folder = "src") => filesUnder([folder]).filter((file) => file.endsWith(".rs"));

/** TypeScript and JavaScript under these folders, but for what the build makes. */
export const scriptFiles = (...folders) =>
  filesUnder(folders, (path) => path === "js/wasm" || path.endsWith("node_modules")).filter(isCode);

export const read = (file) => readFileSync(join(root, file), "utf8");

/** Every place where a line of the files matches, comments aside. */
export function places(files, pattern) {
  const found = [];
  for (const file of files) {
    for (const [index, line] of read(file).split("\n").entries()) {
      if (pattern.test(line.replace(/(^|\s)\/\/.*$/, ""))) found.push(`${file}:${index + 1}: ${line.trim()}`);
    }
  }
  return found;
}

/** Fails a gate with all its complaints, if there are any. */
export function refuse(title, complaints) {
  if (complaints.length > 0) throw new Failure(`${title}:\n  ${complaints.join("\n  ")}`);
}
