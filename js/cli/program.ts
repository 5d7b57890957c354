/** The commands, their options and their help. */

import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { defaults } from "../core/rules.ts";
import { addBackup } from "./backup-command.ts";
import { addClient } from "./client/commands.ts";
import { addConvert } from "./convert-command.ts";
import { addFix } from "./fix-command.ts";
import { addKeys } from "./keys-command.ts";
import { budget, concurrency, header, order, positive, prices } from "./option-values.ts";
import { addParts } from "./parts-command.ts";
import type { RunOptions } from "./plan.ts";
import { addRetry } from "./retry-command.ts";
import { addServe } from "./serve-command.ts";
import { allowClosedOutput, CannotRun, count, exit, messageOf, say } from "./terminal.ts";
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
      "\nStart with:\n  edgebatch validate requests.jsonl\n  edgebatch run requests.jsonl --url http://localhost:8000/v1\n  edgebatch serve --url http://localhost:8000/v1\n  edgebatch submit requests.jsonl --wait",
    );

  program
    .command("validate")
    .description("find every error in a batch file, without sending anything anywhere")
    .argument("<file...>", "JSONL files, also as .gz or .zst; - reads standard input")
    .option("--endpoint <path>", "endpoint the file is for (default: the url of its first line)")
    .addOption(dialect())
    .option("--single-model", "require that all lines name the same model, as OpenAI does")
    .option(
      "--max-requests <n>",
      `refuse files with more requests (default: ${limit("maxRequests")})`,
      positive,
    )
    .option("--max-file-bytes <n>", `refuse larger files (default: ${limit("maxFileBytes")})`, positive)
    .option("--max-line-bytes <n>", `refuse longer lines (default: ${limit("maxLineBytes")})`, positive)
    .option(
      "--max-errors <n>",
      `errors shown; the rest are counted (default: ${limit("maxErrors")})`,
      positive,
    )
    .option("--json", "print one object { file, errors, errorCount, requestCount } for each file")
    .addHelpText(
      "after",
      `
Errors go to standard output as file:line:column: code: message (param), everything else to standard error.
Exit status: 0 no errors, 1 errors found, 2 could not run; of several files the worst.
What each code means, and what to do: docs/errors.md of the package, #CODE.

Examples:
  edgebatch validate requests.jsonl
  edgebatch validate *.jsonl.zst
  zcat requests.jsonl.gz | edgebatch validate - --endpoint /v1/embeddings --dialect openai
  edgebatch validate requests.jsonl --json | jq .errorCount`,
    )
    .action(async (files: string[], options: ValidateOptions) => {
      // What a command needs is loaded with it.
      const { validate } = await import("./validate.ts");
      status = await validate(files, options);
    });

  program
    .command("run")
    .description("run a batch file to its end; the same command again resumes where it stopped")
    .argument("<file>", "JSONL file, also as .gz or .zst")
    .option("--url <base>", "server, such as http://localhost:8000/v1 (default: the embedded model, echo-1)")
    .option("--key <key>", "key for the server")
    .option("--endpoint <path>", "endpoint to run (default: the url of the first line)")
    .option("--header <name: value>", "extra header for every request; may be repeated", header)
    .option("--concurrency <n>", "requests in flight", concurrency, defaults.maxConcurrentRequestsPerBatch)
    .option(
      "--max-attempts <n>",
      "tries of a request before its last answer is its result",
      positive,
      defaults.maxAttempts,
    )
    .option("--timeout <seconds>", "time for one answer", positive, defaults.requestTimeoutMs / 1_000)
    .option("--patience <seconds>", "time a server may fail before the run stops", positive, 60)
    .option("--window <time>", "expire after a time such as 24h (default: never)", time)
    .option("--budget <caps>", "what the run may use, such as total_tokens=1000000,cost=2.50", budget)
    .option("--prices <prices>", "what a million tokens cost, for a budget in cost: model=in/out", prices)
    .option("--keep-trying", "do not stop where the server refuses everything (401 to 405)")
    .option("--dedupe", "ask once what is the same, byte for byte, and answer each line")
    .addOption(order("order of sending: prefix has requests together that begin alike"))
    .option("--max-line-bytes <n>", `longest line (default: ${limit("maxLineBytes")})`, positive)
    .option("--max-response-bytes <n>", `largest answer (default: ${limit("maxResponseBytes")})`, positive)
    .option("--latency <ms>", "time that the embedded model takes for an answer", positive)
    .option("--out <file>", "answers; - for standard output (default: FILE with .output.jsonl)")
    .option("--errors <file>", "everything else (default: FILE with .errors.jsonl)")
    .option("--state <folder>", "where the run's state is kept until it ends (default: .edgebatch/)")
    .addOption(dialect())
    .option("--fresh", "discard an unfinished run and start over")
    .option("--salvage", "write out what an unfinished run has so far, and discard it")
    .option("--force", "replace output files that exist")
    .option("--fail-on-error", "exit with 1 when any request failed")
    .option("--json", "print the finished batch as JSON, with its files and why requests failed")
    .option("--quiet", "no progress, no summary")
    .addHelpText(
      "after",
      `
Nothing is lost: press Ctrl-C (once to let calls in flight end, twice to quit at
once), kill the process or pull the plug, and give the same command again. Only calls
that were in flight, or not yet saved, are made again. A run is identified by the
content of its file: a new time, another folder or another key make no difference.

--budget caps requests, input_tokens, output_tokens, total_tokens and cost, the last by
--prices. Nothing starts that would pass a cap by the mean of what was answered, and what
did not run is in the error file as budget_exceeded.

2xx answers go to --out, everything else to --errors, both in the order of the file;
a file that would be empty is not made.

Environment, where an option is absent: EDGEBATCH_URL or OPENAI_BASE_URL for --url
(--url echo-1 still means the embedded model), EDGEBATCH_KEY or OPENAI_API_KEY for
--key. What is empty counts as unset.

Exit status:
  0    the batch completed (requests may have failed: see the summary)
  1    the file has errors, or the batch failed or expired; with --fail-on-error also
       when any request failed
  2    could not run, or the server is unreachable: try the same command later
  3    the server refuses everything: fix key or address, then the same command
  130  stopped by Ctrl-C

Examples:
  edgebatch run requests.jsonl
  edgebatch run requests.jsonl --url http://localhost:8000/v1 --concurrency 64
  edgebatch run requests.jsonl --url https://api.example.com/v1 --out - | jq .custom_id`,
    )
    .action(async (file: string, options: RunOptions) => {
      const { run } = await import("./run.ts");
      status = await run(file, options);
    });

  const end = (ended: number) => {
    status = ended;
  };
  addFix(program, end);
  addConvert(program, end);
  addParts(program, end);
  addServe(program, end);
  addKeys(program, end);
  addBackup(program, end);
  addClient(program, end);
  addRetry(program, end);

  if (args.length === 0) {
    program.outputHelp();
    return exit.good;
  }
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
  return new Option("--dialect <name>", "wording of errors")
    .choices(["reference", "openai"])
    .default(defaults.dialect);
}

function limit(name: keyof typeof defaults.limits): string {
  return count(defaults.limits[name]);
}

function time(text: string): number {
  const [, amount, unit = "s"] = /^(\d{1,9})(s|m|h|d)?$/.exec(text) ?? [];
  const seconds = Number(amount) * { s: 1, m: 60, h: 3_600, d: 86_400 }[unit as "s" | "m" | "h" | "d"];
  if (!(seconds > 0)) throw new InvalidArgumentError("It must be a time such as 90m, 24h or 3d.");
  return seconds;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}
