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
    .description("write a new file with the errors repaired that have only one fix")
    .argument("<file>", "batch file, also as .gz or .zst; - reads standard input")
    .option("-o, --out <file>", "the new file; - for standard output (default: FILE with .fixed.jsonl)")
    .option("--only <cures>", "what to repair, comma-separated (default: all below)", only)
    .option("--endpoint <path>", "endpoint the file is for (default: what its first request means)")
    .option("--max-line-bytes <n>", "longest line that is repaired (default: 8,388,608)", positive)
    .option("--dry-run", "write nothing; show what would be mended, with examples")
    .option("--force", "replace the new file if it exists")
    .option("--json", "print one object { file, output, cures, errors, errorCount, requestCount }")
    .addHelpText(
      "after",
      `
Cures:
${list}

FILE is not changed, nor is any byte that needs no repair. UTF-16, an array and
objects over several lines become lines in any case. The new file is checked as it is
written: errors that are left go to standard output as those of edgebatch validate do.
Where nothing needs repair, a file is written only if --out names it.

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
  throw new InvalidArgumentError(`It must be some of ${cures.join(", ")}, comma-separated.`);
}
