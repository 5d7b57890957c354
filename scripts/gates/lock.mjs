// Lock files without download addresses work with any registry.
import { read, refuse } from "../lib/sources.mjs";

export default function lock() {
  const holding = [
    "package-lock.json",
    "tests/packaging/package-lock.json",
    "docs/site/package-lock.json",
  ].filter((file) => /"resolved"/.test(read(file)));
  refuse(
    "lock",
    holding.map((file) => `${file} holds download addresses ("resolved")`),
  );
}
