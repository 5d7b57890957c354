/** `edgebatch retry`, its options and its help. */

import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { defaults } from "../core/rules.ts";
import type { BatchRerun } from "../core/types.ts";
import type { RetryBatchOptions } from "./client/retry.ts";
import { budget, concurrency, header, positive } from "./option-values.ts";
import type { RetryFilesOptions } from "./retry/files.ts";
import { CannotRun } from "./terminal.ts";

type Options = Omit<RetryFilesOptions & RetryBatchOptions, "output" | "merge"> & {
  output?: string[];
  merge?: string | true;
};

/** Adds it to the program. `end` takes the exit status. */
export function addRetry(program: Command, end: (status: number) => void): void {
  program
    .command("retry")
    .description("rerun only the requests without an answer, of a batch or of a file")
    .argument("<what>", "id of a batch that has ended, or its beginning; or the input file")
    .option(
      "--only <ends>",
      "what runs again: failed, expired, cancelled, comma-separated (default: all)",
      ends,
    )
    .option(
      "--merge [file]",
      "old results and new, in the order of the input: in the batch's files, or in FILE",
    )
    .option("--budget <caps>", "what the new batch may use, as edgebatch submit takes it", budget)
    .option("--wait", "watch the batch to its end; exit as watch does")
    .option("--output <file>", "an output file that exists, from any server; may be repeated", several)
    .option("--errors <file>", "an error file that exists; may be repeated", several)
    .option("--to <file>", "where the lines go that are to run (default: INPUT with .retry.jsonl)")
    .option("--url <base>", "server of the batch; with files the one to run at, as edgebatch run does")
    .option("--key <key>", "key for the server")
    .option("--header <name: value>", "extra header for every call; may be repeated", header)
    .option("--concurrency <n>", "requests in flight", concurrency, defaults.maxConcurrentRequestsPerBatch)
    .option(
      "--max-attempts <n>",
      "tries of a request before its last answer is its result",
      positive,
      defaults.maxAttempts,
    )
    .option("--timeout <seconds>", "time for one answer", positive, defaults.requestTimeoutMs / 1_000)
    .option(
      "--patience <seconds>",
      "time a server may be away or fail before the command gives up",
      positive,
      60,
    )
    .option("--force", "replace files that exist")
    .option("--json", "print the batch as JSON")
    .option("--quiet", "no progress, no summary")
    .addHelpText(
      "after",
      `
Of a batch: a new one over the same file, of edgebatch serve or the Worker, in which what the
old one answered does not run. What never ran runs in any case. The old one stays as it is; its
id, the new one's, is all that goes to standard output.

Of a file: give the input and what any server made of it, in any order. Lines without an answer
are written to --to. With --url they are run as edgebatch run does, resumed by the same command,
and --merge FILE then has the last result of each request. Without --url, --merge joins what there
is: run or submit the lines wherever you like, and name all result files.

Exit status: 0 done, or nothing was to be done, 2 could not; else that of watch, or of run.

Examples:
  edgebatch retry batch_6a0f --merge --wait && edgebatch results batch_6a0f
  edgebatch retry batch_6a0f --only expired,cancelled
  edgebatch retry in.jsonl --output out.jsonl --errors err.jsonl
  edgebatch retry in.jsonl --output out.jsonl --url http://localhost:8000/v1 --merge all.jsonl
  edgebatch retry in.jsonl --output out.jsonl --output second.jsonl --merge all.jsonl`,
    )
    .action(async (what: string, { merge, output, ...options }: Options) => {
      if (output !== undefined) {
        if (merge === true)
          throw new CannotRun("of files, --merge names the one to write: --merge all.jsonl");
        if (options.wait) throw new CannotRun("--wait is for a batch of a server");
        const { retryFiles } = await import("./retry/files.ts");
        const { dialect } = defaults;
        end(await retryFiles(what, { ...options, dialect, output, ...(merge !== undefined && { merge }) }));
        return;
      }
      if (existsSync(what)) {
        throw new CannotRun(
          `${what} is a file: name what has been answered of it by --output, and the rest by --errors`,
        );
      }
      if (options.errors !== undefined || options.to !== undefined) {
        throw new CannotRun(`there is no file ${what}; --errors and --to are for files`);
      }
      if (typeof merge === "string") {
        throw new CannotRun(
          "of a batch, --merge takes no file: its id comes before it, as in retry ID --merge",
        );
      }
      const { retryBatch } = await import("./client/retry.ts");
      end(await retryBatch(what, { ...options, ...(merge !== undefined && { merge }) }));
    });
}

const known: readonly string[] = ["failed", "expired", "cancelled"] satisfies BatchRerun[];

function ends(text: string): BatchRerun[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name): name is BatchRerun => known.includes(name))) return [...new Set(names)];
  throw new InvalidArgumentError(`It must be some of ${known.join(", ")}, comma-separated.`);
}

function several(path: string, before: string[] = []): string[] {
  return [...before, path];
}
