// Files by name and content, and work that is done only when they changed.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./env.mjs";

/** Every file under the given files and folders, sorted, as paths from the root; `skip` says what to leave out. */
export function filesUnder(paths, skip = () => false) {
  const found = [];
  const visit = (path) => {
    if (skip(relative(root, path)) || !existsSync(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
    else found.push(relative(root, path));
  };
  for (const path of paths) visit(join(root, path));
  return found.sort();
}

/** A hash of the files' names and contents, and of other things that decide the result. */
export function contentHash(files, ...others) {
  const hash = createHash("sha256");
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  for (const other of others) hash.update(`\0${other}`);
  return hash.digest("hex");
}

/** Does the work unless the stamp beside its result says that it was done from the same inputs; true when it worked. */
export function unlessStamped(stamp, key, work) {
  const file = join(root, stamp);
  if (existsSync(file) && readFileSync(file, "utf8") === key) return false;
  work();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, key);
  return true;
}
