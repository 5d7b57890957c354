// Rust in the shape that rustfmt gives it: no talk about layout, no changes for nothing.
import { join } from "node:path";
import { root } from "../lib/env.mjs";
import { run } from "../lib/process.mjs";
import { component } from "../setup/rust.mjs";

export default function fmt() {
  component("rustfmt", "fmt");
  for (const folder of [".", "component", "component/host"])
    run("cargo", ["fmt", "--check"], { cwd: join(root, folder) });
}
