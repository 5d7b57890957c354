// What no test compiles: fuzz targets and native benches. They use the crate as a stranger does, and would be found
// broken on the day that they are needed.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { env, root, targetDir } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";

export default function extras() {
  // libFuzzer's own C++ takes half a minute and is needed for linking only. Any file stands in for it.
  const libfuzzer = join(targetDir, "libfuzzer.a");
  mkdirSync(targetDir, { recursive: true });
  writeFileSync(libfuzzer, "");
  for (const folder of ["fuzz", "fuzz/miri", "benches/rivals"]) {
    const args = ["check", "--quiet", "--locked", "--all-targets"];
    const extra = { CARGO_TARGET_DIR: join(targetDir, "extras"), CUSTOM_LIBFUZZER_PATH: libfuzzer };
    run("cargo", args, { cwd: join(root, folder), env: { ...env, ...extra, RUSTFLAGS: "-Dwarnings" } });
  }
}
