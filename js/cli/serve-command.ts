/** `edgebatch serve`: its options and its help. */

import { type Command, InvalidArgumentError } from "commander";
import { defaults } from "../core/rules.ts";
import { concurrency, positive } from "./option-values.ts";
import type { ServeOptions } from "./serve.ts";

/** Adds the command. `done` is told the exit status. */
export function addServe(program: Command, done: (status: number) => void): void {
  program
    .command("serve")
    .description("serve OpenAI's Files, Uploads and Batches API in front of a model server")
    .option(
      "--url <base>",
      "model server, such as http://localhost:8000/v1 (default: the embedded model, echo-1)",
    )
    .option("--key-env <name>", "environment variable with the model server's key (default: EDGEBATCH_KEY)")
    .option("--models <names>", "models that batches may name, by commas (default: any)", names)
    .option("--data <folder>", "where all state is kept; made if missing", ".edgebatch/server")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <n>", "port to listen on; 0 takes a free one", port, 8080)
    .option(
      "--concurrency <n>",
      "requests of one batch in flight",
      concurrency,
      defaults.maxConcurrentRequestsPerBatch,
    )
    .option(
      "--batches <n>",
      "batches of one tenant that run at once",
      concurrency,
      defaults.maxConcurrentBatches,
    )
    .option(
      "--max-attempts <n>",
      "tries of a request before its last answer is its result",
      positive,
      defaults.maxAttempts,
    )
    .option("--timeout <seconds>", "time for one answer", positive, defaults.requestTimeoutMs / 1_000)
    .option("--latency <ms>", "time that the embedded model takes for an answer", positive)
    .option("--grace <seconds>", "time that SIGTERM leaves to what is in flight", positive, 30)
    .option("--api-keys <pairs>", "name:sha256 pairs, by commas, or a file of them; each name is a tenant")
    .option("--allow-anonymous", "serve callers without a key too, whoever can reach the address")
    .addHelpText(
      "after",
      `
Without keys it serves this machine alone. With them each name has files and batches
of its own, and a caller sends its key as it would send OpenAI's.

SIGTERM or Ctrl-C: nothing new starts, and what is in flight ends or is left for the
next start. Nothing is lost by a kill either: only calls that were in flight are made
again. The log is lines of JSON on standard error, without prompts and keys.

Exit status: 0 stopped by a signal, 2 could not start.

Examples:
  edgebatch serve --url http://localhost:8000/v1 --concurrency 64
  edgebatch serve --url https://api.example.com/v1 --key-env MODEL_KEY --data /var/lib/edgebatch
  edgebatch serve --host 0.0.0.0 --api-keys alice:$(printf %s "$KEY" | sha256sum | cut -c-64)`,
    )
    .action(async (options: ServeOptions) => {
      const { serve } = await import("./serve.ts");
      done(await serve(options));
    });
}

function names(text: string): string[] {
  const found = text.split(",").map((name) => name.trim());
  if (found.every((name) => name !== "")) return found;
  throw new InvalidArgumentError("It must be names, separated by commas.");
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 0 to 65,535.");
}
