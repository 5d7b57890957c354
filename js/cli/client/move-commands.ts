/** The commands that move a batch, their options and their help. */

import type { Command } from "commander";
import { header, positive } from "../option-values.ts";
import type { RunPlace } from "../run-move.ts";
import { CannotRun } from "../terminal.ts";
import type { ExportOptions, MoveOptions } from "./move.ts";
import { server, speaking } from "./speaking.ts";

/** Adds them to the program. `end` takes the exit status. */
export function addMove(program: Command, end: (status: number) => void): void {
  program
    .command("move")
    .description("move a batch that runs or waits to another server, where it goes on")
    .argument("<id>", "id of the batch, or its beginning")
    .option("--from <base>", "server that has it (default: as other commands)")
    .option("--from-key <key>", "its key (default: as other commands)")
    .requiredOption("--to <base>", "server that is to have it")
    .option("--to-key <key>", "its key (default: as other commands)")
    .option("--header <name: value>", "extra header for every call; may be repeated", header)
    .option("--patience <seconds>", "time a server may be away before the command gives up", positive, 60)
    .option("--json", "print the batch as the other server gives it, and its fence")
    .addHelpText(
      "after",
      `
Calls in flight end, and nothing starts at its source any more. What has an answer is not asked
again: answers, input and pause go along, and the id stays. Given again, the command goes on where it
was cut off: the batch runs on one server at any time. For edgebatch serve and its Worker.

Exit status: 0 it has moved, 2 could not.

Examples:
  edgebatch move batch_6a0f --from http://old:8080/v1 --to http://new:8080/v1
  edgebatch move batch_6a0f --to https://edgebatch.example.workers.dev/v1 --to-key "$KEY"`,
    )
    .action(async (id: string, options: MoveOptions) => {
      const { moveBatch } = await import("./move.ts");
      end(await moveBatch(id, options));
    });

  speaking(program.command("export"), 60)
    .description(
      "write a batch that runs or waits to a file, for edgebatch import; nothing of it runs from then on",
    )
    .argument("[id]", "id of the batch, or its beginning")
    .option("--run <file>", "the batch of edgebatch run FILE, instead of a server's")
    .option("--state <folder>", "with --run: where that keeps its state, if it was told")
    .option("--out <file>", "where it goes (default: standard output)")
    .option(
      "--settled <fence>",
      "let it go, as another server has imported it; the fence is what import prints",
    )
    .option("--take-back", "go on with it here instead, with --force")
    .option("--force", "replace the file; with --take-back: no other server has imported it")
    .addHelpText(
      "after",
      `
It may be exported again until it is settled or taken back, and is the same. A batch that was imported
elsewhere and is taken back runs on both servers. For edgebatch serve, its Worker, and edgebatch run.
${server}

Exit status: 0 done, 2 could not.

Examples:
  edgebatch export batch_6a0f --out batch.edgebatch
  edgebatch export batch_6a0f --settled 00c3e8a4d1b29f57
  edgebatch export batch_6a0f --take-back --force
  edgebatch export --run questions.jsonl --out batch.edgebatch`,
    )
    .action(async (id: string | undefined, options: ExportOptions & Partial<RunPlace>) => {
      const { run, state } = options;
      if ((id === undefined) === (run === undefined))
        throw new CannotRun("export needs the id of a batch, or --run FILE, and not both");
      if (run === undefined) {
        const { exportBatch } = await import("./move.ts");
        return end(await exportBatch(id as string, options));
      }
      const { exportRun } = await import("../run-move.ts");
      end(await exportRun({ run, ...(state && { state }) }, options));
    });

  speaking(program.command("import"), 60)
    .description("have a server go on with a batch that edgebatch export has written")
    .argument("<file>", "what edgebatch export has written; - reads standard input")
    .option("--run <file>", "for edgebatch run FILE, instead of a server: its input is written there")
    .option("--state <folder>", "with --run: where that is to keep its state")
    .option("--json", "print the batch as the server gives it, and its fence")
    .addHelpText(
      "after",
      `
What is cut off or damaged is refused and leaves nothing. The same file again gives the same batch.
${server}

Exit status: 0 done, 2 could not.

Examples:
  edgebatch import batch.edgebatch --url http://new:8080/v1
  edgebatch import batch.edgebatch --run questions.jsonl`,
    )
    .action(async (file: string, options: ExportOptions & Partial<RunPlace> & { json?: boolean }) => {
      const { run, state } = options;
      if (run !== undefined) {
        const { importRun } = await import("../run-move.ts");
        return end(await importRun(file, { run, ...(state && { state }) }, options.json === true));
      }
      const { importBatch } = await import("./move.ts");
      end(await importBatch(file, options));
    });
}
