/** `edgebatch serve`: its options and its help. */

import { type Command, Option } from "commander";
import { optionOf, rows, shown } from "../node/serve/config/table.ts";
import type { ServeOptions } from "./serve.ts";
import { CannotRun } from "./terminal.ts";

/** Adds the command. `done` is told the exit status. */
export function addServe(program: Command, done: (status: number) => void): void {
  const command = program
    .command("serve")
    .description("serve OpenAI's Files, Uploads and Batches API in front of a model server");
  let heading = "";
  for (const [name, setting] of rows) {
    heading = setting.group ?? heading;
    const option = optionOf(name, setting);
    if (option === null) continue;
    const { kind, help } = setting;
    const value = kind.bare ? `[${kind.placeholder}]` : `<${kind.placeholder}>`;
    // Read later, with variables and the file: all three refuse what is wrong alike.
    command.addOption(
      new Option(`${option} ${value}`, `${help} (default: ${shown(setting, setting.default)})`).helpGroup(
        `${heading}:`,
      ),
    );
  }
  command
    // What the other commands call so is two things here. It is not shown, as the value would be a key.
    .addOption(
      new Option("--key <key>").hideHelp().argParser(() => {
        throw new CannotRun(
          "serve has no --key: --key-env names a variable with the model server's key, and edgebatch keys add NAME makes one for callers",
        );
      }),
    )
    .option("--check", "say what all settings are and who said them, and end")
    .addHelpText("after", help)
    .action(async (options: ServeOptions) => {
      const { serve } = await import("./serve.ts");
      done(await serve(options));
    });
}

const help = `
Every option can be said by a variable too: EDGEBATCH_MAX_ATTEMPTS for --max-attempts;
and in the file that --config names: max_attempts = 3. An option wins over a variable,
a variable over the file. docs/server.md has an example of the file, which may name
several model servers.

Without keys it serves this machine alone. 'edgebatch keys add NAME' makes one; each
name has files and batches of its own, and a caller sends its key as it would send
OpenAI's.

SIGTERM or Ctrl-C: nothing new starts, and what is in flight ends or is left for the
next start. Nothing is lost by a kill either: only calls that were in flight are made
again. The log is lines of JSON on standard error, without prompts and keys.

Exit status: 0 stopped by a signal, 2 could not start.

Examples:
  edgebatch serve --url http://localhost:8000/v1 --concurrency 64
  edgebatch serve --url https://api.example.com/v1 --key-env MODEL_KEY --data /var/lib/edgebatch
  edgebatch keys add alice && edgebatch serve --host 0.0.0.0 --url http://localhost:8000/v1
  EDGEBATCH_PORT=9000 edgebatch serve --config edgebatch.toml --check`;
