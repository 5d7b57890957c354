// `npm run drill -- --minutes 30`: servers that share a Postgres and an S3, under faults (tests/drills).
import { build } from "../build.mjs";
import { node } from "../lib/env.mjs";
import { main, run } from "../lib/process.mjs";

main(async () => {
  await build({ tests: true, python: true });
  run(node, ["tests/drills/machines.ts", ...process.argv.slice(2)]);
});
