/** Where a server's state is, for the other commands that work on it: said as it is said to the server. */

import { type Command, Option } from "commander";
import { readSettings } from "../node/serve/config/read.ts";
import { optionOf, type SettingName, settings, shown } from "../node/serve/config/table.ts";
import { WrongSetting } from "../node/serve/config/wrong.ts";
import { checkPlace } from "../node/serve/state-folder.ts";

export interface FolderOptions {
  data?: string;
  config?: string;
}

/** Adds the options that say it. */
export function withFolder(command: Command): Command {
  for (const name of ["data", "config"] satisfies SettingName[]) {
    const { kind, help } = settings[name];
    const flags = `${optionOf(name, settings[name])} <${kind.placeholder}>`;
    command.addOption(
      new Option(flags, `${help} (default: ${shown(settings[name], settings[name].default)})`),
    );
  }
  return command;
}

export async function folderOf({ data, config }: FolderOptions): Promise<string> {
  const { values, said } = await readSettings({ data, config }, process.env);
  if (values.store !== undefined && (said.data.level === "default" || said.data.level === "variable")) {
    throw new WrongSetting(
      `${said.store.by} says that several servers share their state: there is no folder for this command. ` +
        "Keys are for --api-keys then (edgebatch keys entry NAME makes one), backups for the database and the bucket",
    );
  }
  checkPlace(values.data);
  return values.data;
}
