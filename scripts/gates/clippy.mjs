// What clippy and the compiler warn of, in everything that is compiled natively.
import { run } from "../lib/process.mjs";
import { component } from "../setup/rust.mjs";

export default function clippy() {
  component("clippy", "clippy");
  run("cargo", ["clippy", "--quiet", "--all-targets", "--", "-D", "warnings"]);
}
