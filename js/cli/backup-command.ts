/** `edgebatch backup` and `edgebatch restore`: their options and their help. */

import type { Command } from "commander";
import type { BackupOptions } from "./backup.ts";
import { withFolder } from "./data-folder.ts";

/** Adds the commands. `done` is told the exit status. */
export function addBackup(program: Command, done: (status: number) => void): void {
  withFolder(program.command("backup"))
    .description("copy all state of `edgebatch serve` into one file, while it runs or not")
    .argument("<file>", "archive to write, in the format of tar, for this user alone")
    .option("--force", "replace a file that exists")
    .addHelpText(
      "after",
      `
The copy is of one moment for each tenant, and whole: batches that were running go on
from where they were. The file appears when it is complete and flushed to the disk. It
holds prompts and answers; keys only as the folder holds them, by their SHA-256.

Exit status: 0 copied, 1 copied but for the records of tenants that are damaged, 2 not copied.

Examples:
  edgebatch backup edgebatch-$(date +%F).tar --data /var/lib/edgebatch
  edgebatch restore edgebatch-2026-01-31.tar --data /var/lib/edgebatch-new`,
    )
    .action(async (file: string, options: BackupOptions) => {
      const { backup } = await import("./backup.ts");
      done(await backup(file, options));
    });

  withFolder(program.command("restore"))
    .description("restore the state of `edgebatch serve` from a backup into a new folder")
    .argument("<file>", "file that edgebatch backup wrote")
    .addHelpText(
      "after",
      `
The folder is made; one that exists must be empty. The archive is checked to its last
byte, and what is not whole leaves the folder empty. Unfinished batches go on when a server
starts on the folder: see to it that the original no longer runs them, or their calls are
made twice. Keys are as they were when the backup was made: revoke those again that were
revoked since.

Exit status: 0 restored, 2 not restored.

Example:
  edgebatch restore edgebatch-2026-01-31.tar --data /var/lib/edgebatch`,
    )
    .action(async (file: string, options: BackupOptions) => {
      const { restore } = await import("./backup.ts");
      done(await restore(file, options));
    });
}
