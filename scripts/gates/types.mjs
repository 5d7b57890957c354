// TypeScript checks: the library and the Worker against Web APIs, the page against a document's.
import { join } from "node:path";
import { bin } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";

export default function types() {
  run(join(bin, "tsc"), ["-p", "tsconfig.json"]);
  run(join(bin, "tsc"), ["-p", "tsconfig.page.json"]);
}
