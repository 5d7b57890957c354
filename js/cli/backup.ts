/** `edgebatch backup` and `edgebatch restore`. */

import { existsSync } from "node:fs";
import { backup as makeBackup, restore as unpack } from "../node/backup.ts";
import { type FolderOptions, folderOf } from "./data-folder.ts";
import { bytes, CannotRun, count, exit, messageOf, oneLine, plural, say } from "./terminal.ts";

export interface BackupOptions extends FolderOptions {
  force?: boolean;
}

/** Gives the exit status. */
export async function backup(file: string, options: BackupOptions): Promise<number> {
  if (options.force !== true && existsSync(file)) throw new CannotRun(`${file} exists (--force replaces it)`);
  const made = await makeBackup(await folderOf(options), file).catch((error) => {
    throw new CannotRun(`no backup: ${messageOf(error)}`);
  });
  for (const key of made.lost.slice(0, 10)) say(`edgebatch: lost, here as in the copy: ${oneLine(key)}`);
  if (made.lost.length > 10) say(`edgebatch: and ${count(made.lost.length - 10)} more`);
  say(
    `${file}: ${plural(made.tenants, "tenant")}, ${plural(made.objects, "stored file")}, ${bytes(made.bytes)}`,
  );
  for (const name of made.damaged) say(`edgebatch: damaged, and not in the copy: ${oneLine(name)}`);
  return made.damaged.length === 0 ? exit.good : exit.bad;
}

/** Gives the exit status. */
export async function restore(file: string, options: BackupOptions): Promise<number> {
  const data = await folderOf(options);
  const made = await unpack(file, data).catch((error) => {
    throw new CannotRun(`nothing was restored: ${messageOf(error)}`);
  });
  const from = new Date(made.createdAt * 1_000).toISOString();
  say(`${data}: the state of ${from}, ${bytes(made.bytes)}; edgebatch serve --data ${data} goes on with it`);
  say(
    `edgebatch: keys are as they were then: what was revoked since is valid again (edgebatch keys list --data ${data})`,
  );
  return exit.good;
}
