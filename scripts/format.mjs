// `npm run format`: puts every source into shape.
import { join } from "node:path";
import { bin, root } from "./lib/env.mjs";
import { main, run } from "./lib/process.mjs";
import { setup } from "./setup.mjs";

main(() => {
  setup();
  run(join(bin, "biome"), ["check", "--write"]);
  for (const folder of [".", "component", "component/host"])
    run("cargo", ["fmt"], { cwd: join(root, folder) });
});
