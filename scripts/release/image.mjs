// What `docker build` is given: the files of the commit that .dockerignore lets in, and the Dockerfile.
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/env.mjs";
import { capture, Failure } from "../lib/process.mjs";
import { tar } from "./tar.mjs";

/** Whether .dockerignore leaves a path out. It has paths from the root and `*.ext` there, nothing finer. */
export function ignores(text) {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const odd = lines.filter((line) => !/^(\*\.[\w.-]+|[\w./-]+)$/.test(line));
  if (odd.length > 0)
    throw new Failure(`release: .dockerignore has what is not read here: ${odd.join(", ")}`);
  return (path) => {
    const isBelow = (line) => path === line || path.startsWith(`${line}/`);
    const isNamed = (line) => !path.includes("/") && path.endsWith(line.slice(1));
    return lines.some((line) => (line.startsWith("*.") ? isNamed(line) : isBelow(line)));
  };
}

/** The context as a tar. */
export function imageContext(time) {
  const listed = capture("git", ["ls-files", "-z"], { maxBuffer: 1 << 28 });
  if (listed === null) throw new Failure("release: git does not list the files of this folder");
  const isIgnored = ignores(readFileSync(join(root, ".dockerignore"), "utf8"));
  const paths = listed.split("\0").filter((path) => path !== "");
  const files = paths
    .filter((path) => path === "Dockerfile" || !isIgnored(path))
    .map((path) => ({
      path,
      content: readFileSync(join(root, path)),
      executable: (lstatSync(join(root, path)).mode & 0o100) !== 0,
    }));
  return tar(files, time);
}
