// The documentation builds, and its links lead somewhere.
import { env } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";

export default function doc() {
  run("cargo", ["doc", "--quiet", "--no-deps"], { env: { ...env, RUSTDOCFLAGS: "-Dwarnings" } });
}
