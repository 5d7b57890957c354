// TypeScript, scripts and styles: layout, and what Biome's rules find.
import { join } from "node:path";
import { bin } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";

export default function biome() {
  const colors = process.stdout.isTTY ? "force" : "off";
  run(join(bin, "biome"), ["ci", "--error-on-warnings", `--colors=${colors}`]);
}
