/** `edgebatch convert`, its options and its help. */

import { type Command, Option } from "commander";
import { defaults } from "../core/rules.ts";
import type { ConvertOptions } from "./convert.ts";
import { positive } from "./option-values.ts";

/** Adds it to the program. `end` takes the exit status. */
export function addConvert(program: Command, end: (status: number) => void): void {
  program
    .command("convert")
    .description("make a batch file of a table, of JSON or of plain prompts")
    .argument("<file>", "CSV, TSV, JSON or text, also as .gz or .zst; - reads standard input")
    .option("--model <name>", "model of every request")
    .option("--endpoint <path>", "endpoint the requests are for", defaults.endpoints[0] as string)
    .option(
      "--prompt <text>",
      "column of the prompt, or a text with columns (default: the one that seems to be)",
    )
    .option("--system <text>", "system message, a text")
    .option(
      "--id <text>",
      "column of the custom_id, or a text with columns (default: custom_id, id, or numbers)",
    )
    .option("--extra <json>", "further members of every body, such as temperature")
    .option("--template <json>", "a body of your own, instead of prompt and system")
    .addOption(new Option("--from <kind>", "what the file is (default: what it seems)").choices(kinds))
    .option("--separator <char>", "what separates the fields of a table, or tab (default: what seems to)")
    .option("-o, --out <file>", "the batch file; - for standard output (default: FILE with .batch.jsonl)")
    .option("--max-line-bytes <n>", "longest row (default: 8,388,608)", positive)
    .option("--force", "replace the batch file if it exists")
    .option("--json", "print one object { file, output, from, columns, rows, written, … }")
    .addHelpText(
      "after",
      `
In texts {name} is what a row has in that column, {#} the number of the row, and {{name}}
the text {name}. Braces around anything else are text. In --template and --extra, the
string "{name:json}" is replaced by the value itself: a number, a list. @FILE reads a
text, a template or extra members from a file. Of a text without columns, every line that
is not blank is a prompt; its column is {prompt}.

Rows that cannot be converted are reported with their line, and the others are written.
The new file is checked as it is written.

Exit status: 0 all rows were converted, and the new file has no errors; 1 not so, 2 could
not run.

Examples:
  edgebatch convert questions.csv --model gpt-4o-mini
  edgebatch convert reviews.csv --model gpt-4o-mini --id '{shop}-{#}' \\
    --system 'Answer with one word.' --prompt 'Is this kind? {review}' --extra '{"temperature": 0}'
  edgebatch convert chats.json --model m --template '{"messages": "{turns:json}"}' -o chats.jsonl
  edgebatch convert texts.txt --model bge-m3 --endpoint /v1/embeddings -o - | head -3`,
    )
    .action(async (file: string, options: ConvertOptions) => {
      const { convert } = await import("./convert.ts");
      end(await convert(file, options));
    });
}

const kinds: NonNullable<ConvertOptions["from"]>[] = ["csv", "tsv", "json", "text"];
