// No file imports itself by way of others: what goes in a circle can only be understood, tested and moved as one.
import { circles } from "../lib/graph.mjs";
import { imports } from "../lib/imports.mjs";
import { rustImports } from "../lib/modules.mjs";
import { Failure } from "../lib/process.mjs";
import { refuse, scriptFiles } from "../lib/sources.mjs";

/** A folder's mod.rs is the folder's: that its files name it, and it them, is no circle. */
const isFolderOf = (mod, file) => mod.endsWith("/mod.rs") && file.startsWith(mod.slice(0, -"mod.rs".length));

export default function cycles() {
  const rust = new Map();
  for (const [file, others] of rustImports()) {
    rust.set(
      file,
      others.filter((other) => !isFolderOf(other, file)),
    );
  }
  const files = scriptFiles("js", "scripts", "tests/js", "benches", "examples");
  const scripts = new Map(
    files.map((file) => [file, imports(file).filter((other) => files.includes(other))]),
  );
  for (const [name, edges] of Object.entries({ rust, scripts }))
    if (![...edges.values()].some((others) => others.length > 0))
      throw new Failure(`cycles: ${name}: no imports found`);
  const found = [...circles(rust), ...circles(scripts)].map((circle) => circle.join(" > "));
  refuse("cycles", found);
}
