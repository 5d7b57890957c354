/** `edgebatch split` and `edgebatch merge`, their options and their help. */

import type { Command } from "commander";
import { defaults } from "../core/rules.ts";
import { positive } from "./option-values.ts";
import type { SplitOptions } from "./split.ts";
import { count } from "./terminal.ts";

const { maxRequests, maxFileBytes } = defaults.limits;

/** Adds them to the program. `end` takes the exit status. */
export function addParts(program: Command, end: (status: number) => void): void {
  program
    .command("split")
    .description("split a batch file that is too large into parts")
    .argument("<file>", "JSONL file, also as .gz or .zst")
    .option("--requests <n>", `most requests of a part (default: ${count(maxRequests)})`, positive)
    .option("--bytes <n>", `most bytes of a part (default: ${count(maxFileBytes)})`, positive)
    .option("--force", "replace parts that exist")
    .option("--json", "print one object { file, parts: [{ file, requests, bytes }] }")
    .addHelpText(
      "after",
      `
requests.jsonl gives requests.001.jsonl, requests.002.jsonl and so on, beside it: together
they are the file, byte for byte, cut between lines. A file within the limits stays alone.

Exit status: 0 done, or nothing was to be done, 2 could not run.

Examples:
  edgebatch split requests.jsonl
  edgebatch split requests.jsonl.gz --requests 10000
  edgebatch split requests.jsonl && for part in requests.???.jsonl; do edgebatch submit "$part"; done`,
    )
    .action(async (file: string, options: SplitOptions) => {
      const { split } = await import("./split.ts");
      end(await split(file, options));
    });

  program
    .command("merge")
    .description("join the results of a file, or of its parts, in the order of its requests")
    .argument("<input>", "the batch file, also as .gz or .zst")
    .argument("<results...>", "output and error files, in any order")
    .requiredOption("-o, --out <file>", "where the results go; - for standard output")
    .option("--force", "replace the file if it exists")
    .option("--quiet", "no summary")
    .addHelpText(
      "after",
      `
Each request that has a result gets one line: its answer, or else its last error. Results
are found by their custom_id, in files of any server and in any order. Memory does not grow
with them.

Exit status: 0 done, 2 could not run.

Example:
  edgebatch merge requests.jsonl requests.???.output.jsonl requests.???.errors.jsonl -o all.jsonl`,
    )
    .action(async (input: string, results: string[], options: { out: string }) => {
      const { mergeFiles } = await import("./retry/files.ts");
      end(await mergeFiles(input, results, options));
    });
}
