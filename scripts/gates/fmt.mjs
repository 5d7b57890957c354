// Rust in the shape that rustfmt gives it: no talk about layout, no changes for nothing.
import { run } from "../lib/process.mjs";
import { component } from "../setup/rust.mjs";

export default function fmt() {
  component("rustfmt", "fmt");
  run("cargo", ["fmt", "--check"]);
}
