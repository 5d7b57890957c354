// `npm run demo`: sets up, builds, and runs the batch in examples/ against the embedded model echo-1.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { env, Failure, main, node, root, say } from "./lib.mjs";

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
  // A model takes its time; without any, there would be no progress to see.
  const args = ["run", input, "--latency", "120", "--out", output, "--errors", errors, "--json"];
  const batch = spawnSync(node, ["dist/cli/main.js", ...args], {
    cwd: root,
    env,
    encoding: "utf8",
    stdio: ["inherit", "pipe", "inherit"],
  });
  if (batch.status !== 0)
    throw new Failure(`demo: edgebatch run ended with status ${batch.status ?? batch.signal}`);
  say("\nthe finished batch:");
  say(JSON.stringify(JSON.parse(batch.stdout), null, 2));
  head("output file", output);
  head("error file", errors);
});
