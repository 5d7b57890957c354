/** The commands, their options and their help. */

import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { RunOptions } from "./plan.ts";
import { allowClosedOutput, CannotRun, exit, messageOf, say } from "./terminal.ts";
import type { ValidateOptions } from "./validate.ts";

/** Runs the command line. Gives the exit status. */
export async function main(args: string[]): Promise<number> {
  allowClosedOutput();
  let status: number = exit.good;
  const program = new Command("edgebatch")
    .description("Check and run OpenAI batch files, against any OpenAI-compatible server.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      "after",
      "\nStart with:\n  edgebatch validate requests.jsonl\n  edgebatch run requests.jsonl --url http://localhost:8000/v1",
    );

  program
    .command("validate")
    .description("find every error of a batch file, without sending anything anywhere")
    .argument("<file>", "JSONL file, also gzipped; - reads standard input")
    .option("--endpoint <path>", "endpoint the file is for (default: the url of its first line)")
    .addOption(dialect())
    .option("--single-model", "demand that all lines name the same model, as OpenAI does")
    .option("--max-requests <n>", "refuse files with more requests (default: 50,000)", positive)
    .option("--max-file-bytes <n>", "refuse larger files (default: 209,715,200)", positive)
    .option("--max-errors <n>", "errors shown; the rest are counted (default: 1,000)", positive)
    .option("--json", "print one object { errors, errorCount, requestCount }")
    .addHelpText(
      "after",
      `
Errors go to standard output as file:line: code: message (param), everything else to standard error.
Exit status: 0 no errors, 1 errors found, 2 could not run.

Examples:
  edgebatch validate requests.jsonl
  zcat requests.jsonl.gz | edgebatch validate - --endpoint /v1/embeddings --dialect openai
  edgebatch validate requests.jsonl --json | jq .errorCount`,
    )
    .action(async (file: string, options: ValidateOptions) => {
      // What a command needs is loaded with it.
      const { validate } = await import("./validate.ts");
      status = await validate(file, options);
    });

  program
    .command("run")
    .description("run a batch file to its end; the same command again goes on where it stopped")
    .argument("<file>", "JSONL file")
    .option("--url <base>", "server, such as http://localhost:8000/v1 (default: the embedded model echo-1)")
    .addOption(new Option("--key <key>", "key for the server").env("EDGEBATCH_KEY"))
    .option("--endpoint <path>", "endpoint to run (default: the url of the first line)")
    .option("--header <name: value>", "further header of every request; may be repeated", header)
    .option("--concurrency <n>", "requests in flight", concurrency, 10)
    .option("--max-attempts <n>", "tries of a request before its last answer is its result", positive, 5)
    .option("--timeout <seconds>", "time for one answer", positive, 600)
    .option("--patience <seconds>", "time a server may be out of reach before the run stops", positive, 60)
    .option("--latency <ms>", "time that the embedded model takes for an answer", positive)
    .option("--out <file>", "answers (default: FILE with .output.jsonl)")
    .option("--errors <file>", "everything else (default: FILE with .errors.jsonl)")
    .option("--state <folder>", "where the run is kept until it has ended (default: .edgebatch/ beside FILE)")
    .addOption(dialect())
    .option("--fresh", "forget an unfinished run and begin anew")
    .option("--force", "replace output files that exist")
    .option("--json", "print the finished batch as JSON")
    .option("--quiet", "no progress, no summary")
    .addHelpText(
      "after",
      `
Nothing is lost: press Ctrl-C (once to let what is in flight end, twice to leave at once), kill the process or pull the
plug, and give the same command again. Only calls that were in flight, or not yet written down, are made again.
2xx answers go to --out, everything else to --errors, both in the order of the file; a file that would be empty is not
made. The key is also read from OPENAI_API_KEY when --url is given.

A batch has 24 hours from its first start; requests that did not run by then go to --errors as batch_expired.

Exit status: 0 the batch completed (requests may have failed: see the summary), 1 the file has errors, or the batch
failed or expired, 2 could not run, or the server is out of reach (try the same command later), 130 stopped by Ctrl-C.

Examples:
  edgebatch run requests.jsonl
  edgebatch run requests.jsonl --url http://localhost:8000/v1 --concurrency 64
  edgebatch run requests.jsonl --url https://api.example.com/v1 --out answers.jsonl --json`,
    )
    .action(async (file: string, options: RunOptions) => {
      const { run } = await import("./run.ts");
      status = await run(file, options);
    });

  try {
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.good : exit.cannotRun;
    say(`edgebatch: ${error instanceof CannotRun ? error.message : messageOf(error)}`);
    return exit.cannotRun;
  }
}

function dialect(): Option {
  return new Option("--dialect <name>", "whose error texts")
    .choices(["reference", "openai"])
    .default("reference");
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number from 1 up.");
  return value;
}

function concurrency(text: string): number {
  const value = positive(text);
  if (value > 10_000) throw new InvalidArgumentError("It must be a whole number from 1 to 10,000.");
  return value;
}

function header(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  try {
    if (name === undefined || value === undefined) throw new TypeError();
    new Headers({ [name]: value });
    return { ...before, [name]: value };
  } catch {
    throw new InvalidArgumentError("It must be a header, such as 'api-key: 123'.");
  }
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}
