/** What commands that speak to a server have in common: their options, and what help says of them. */

import type { Command } from "commander";
import { header, positive } from "../option-values.ts";

export const server = `
The server: --url, else EDGEBATCH_URL, else OPENAI_BASE_URL, else http://127.0.0.1:8080/v1,
where edgebatch serve listens. The key: --key, else EDGEBATCH_KEY, else OPENAI_API_KEY, which
is sent only where an address was named. An ID may be the beginning of one.`;

export function addressed(command: Command): Command {
  return command
    .option("--url <base>", "server, as OpenAI's SDKs take it")
    .option("--key <key>", "key for the server")
    .option("--header <name: value>", "extra header for every call; may be repeated", header);
}

export function speaking(command: Command, patience: number): Command {
  return addressed(command).option(
    "--patience <seconds>",
    "time a server may be away before the command gives up",
    positive,
    patience,
  );
}
