// `npm run simulate -- --seeds 1000`: worlds made of seeds, in simulated time (tests/js/world). What is broken is made smaller, and its
// history printed.
import { build } from "../build.mjs";
import { node } from "../lib/env.mjs";
import { main, run } from "../lib/process.mjs";

main(async () => {
  await build();
  run(node, ["tests/js/world/main.ts", ...process.argv.slice(2)]);
});
