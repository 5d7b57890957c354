// `npm run soak -- --minutes 30`: one server under load, in which nothing may grow (tests/drills/soak.ts).
import { build } from "../build.mjs";
import { node } from "../lib/env.mjs";
import { main, run } from "../lib/process.mjs";

main(async () => {
  await build();
  run(node, ["tests/drills/soak.ts", ...process.argv.slice(2)]);
});
