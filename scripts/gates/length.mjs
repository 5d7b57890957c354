// A file that must be scrolled through for long holds more than one thing.
import { read, refuse, rustFiles, scriptFiles } from "../lib/sources.mjs";

const longest = 400;

export default function length() {
  const rust = ["src", "component", "tests", "fuzz", "benches"].flatMap(rustFiles);
  const tooLong = [];
  for (const file of [...rust, ...scriptFiles("js", "tests/js", "scripts", "benches", "examples")]) {
    const lines = read(file).trimEnd().split("\n").length;
    if (lines > longest) tooLong.push(`${file} has ${lines} lines, more than ${longest}`);
  }
  refuse("length", tooLong);
}
