// What keys of the key-value store look like is said in src/keys.rs alone. A prefix that TypeScript writes out itself
// is a second place to change, and no test of the core would miss it.
import { places, read, refuse, scriptFiles } from "../lib/sources.mjs";

/** What src/typescript writes, for everyone else to use. */
const source = "js/core/rules.ts";

export default function keys() {
  const prefixes = new Set([...read("src/keys.rs").matchAll(/"([a-z]+):/g)].map((match) => match[1]));
  const files = scriptFiles("js").filter((file) => file !== source && !file.startsWith("js/page/"));
  const literal = new RegExp(`["'\`](${[...prefixes].join("|")}):`);
  refuse("keys", places(files, literal));
}
