// `npm run demo`: sets up, builds, and runs the batch in examples/ against the embedded model echo-1.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { main, node, root, run, say } from "./lib.mjs";

const shown = 3;

/** The first lines of a file, each cut to the width of the terminal. */
function head(title, file) {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const width = Math.max(60, process.stdout.columns ?? 110);
  say(`\n${title}: ${lines.length} lines in ${file.slice(root.length + 1)}`);
  for (const line of lines.slice(0, shown)) say(line.length > width ? `${line.slice(0, width - 1)}…` : line);
  if (lines.length > shown) say(`… and ${lines.length - shown} more`);
}

main(() => {
  build();
  const folder = join(root, ".edgebatch/demo");
  rmSync(folder, { recursive: true, force: true }); // the same command would go on where the last one stopped
  mkdirSync(folder, { recursive: true });
  const output = join(folder, "output.jsonl");
  const errors = join(folder, "errors.jsonl");
  const input = join("examples", "chat-batch.jsonl");
  say(`demo: edgebatch run ${input} (the embedded model echo-1 answers; nothing leaves this machine)\n`);
  run(node, ["dist/cli/main.js", "run", input, "--out", output, "--errors", errors]);
  head("output file", output);
  head("error file", errors);
});
