/** `edgebatch fix`, its options and its help. */

import { type Command, InvalidArgumentError } from "commander";
import { cureNames } from "../core/cures.ts";
import type { Cure } from "../core/repair.ts";
import { cures } from "../core/rules.ts";
import type { FixOptions } from "./fix.ts";
import { positive } from "./option-values.ts";

/** Adds it to the program. `end` takes the exit status. */
export function addFix(program: Command, end: (status: number) => void): void {
  const list = cures.map((cure) => `  ${cure.padEnd(12)}${cureNames[cure]}`).join("\n");
  program
    .command("fix")
    .description("mend what is wrong with a batch file in one way only, as a new file")
    .argument("<file>", "batch file, also as .gz or .zst; - reads standard input")
    .option("-o, --out <file>", "the new file; - for standard output (default: FILE with .fixed.jsonl)")
    .option("--only <cures>", "what is mended, by commas (default: all of the below)", only)
    .option("--endpoint <path>", "endpoint the file is for (default: what its first request means)")
    .option("--max-line-bytes <n>", "longest line that is looked at (default: 8,388,608)", positive)
    .option("--dry-run", "write nothing; show what would be mended, with examples")
    .option("--force", "replace the new file if it exists")
    .option("--json", "print one object { file, output, cures, errors, errorCount, requestCount }")
    .addHelpText(
      "after",
      `
Cures:
${list}

FILE stays as it is, and so does every byte that is not mended. UTF-16, an array and
objects over several lines are made lines in any case. The new file is checked as it is
written: errors that are left go to standard output as those of edgebatch validate do.
Where nothing is to be mended, a file is written only if --out names it.

Exit status: 0 the new file has no errors, 1 errors are left, 2 could not run.

Examples:
  edgebatch fix requests.jsonl
  edgebatch fix requests.jsonl --dry-run
  edgebatch fix requests.json -o requests.jsonl --only method,duplicates`,
    )
    .action(async (file: string, options: FixOptions) => {
      const { fix } = await import("./fix.ts");
      end(await fix(file, options));
    });
}

function only(text: string): Cure[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name): name is Cure => (cures as readonly string[]).includes(name))) return names;
  throw new InvalidArgumentError(`It must be some of ${cures.join(", ")}, by commas.`);
}
