/** The package as npm would publish it, in a folder where nothing else is. */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Packs the package and unpacks it in the folder's node_modules; gives where. */
export function installPacked(folder: string): string {
  const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const described: unknown = JSON.parse(packed);
  const [{ filename }] = (Array.isArray(described) ? described : Object.values(described as object)) as [
    { filename: string },
  ];
  const installed = join(folder, "node_modules", "edgebatch");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, filename), "-C", installed, "--strip-components=1"]);
  return installed;
}
