/** `edgebatch keys`: its commands, their options and their help. */

import type { Command } from "commander";
import { withFolder } from "./data-folder.ts";
import type { KeysOptions } from "./keys.ts";

/** Adds the commands. `done` is told the exit status. */
export function addKeys(program: Command, done: (status: number) => void): void {
  const keys = program
    .command("keys")
    .description("make, list and revoke the keys that callers of edgebatch serve send")
    .addHelpText(
      "after",
      `
Each name is a tenant with files and batches of its own; a tenant may have several
keys. Only hashes are kept, in keys.json of the state folder. A server that runs sees
what changes within a second. Batches of a tenant whose last key is revoked are held
until it has one again.

Examples:
  edgebatch keys add alice
  edgebatch keys add bob --models llama-3,qwen-3 --data /var/lib/edgebatch
  edgebatch keys revoke alice`,
    );
  withFolder(keys.command("add"))
    .description("make a key, which is printed once, on standard output")
    .argument("<name>", "tenant: letters, digits, '_', '.' and '-', at most 64")
    .option("--models <names>", "models that its caller may name, separated by commas (default: any)")
    .action(async (name: string, options: KeysOptions) => {
      const { addKey } = await import("./keys.ts");
      done(await addKey(name, options));
    });
  keys
    .command("entry")
    .description("make a key for the Worker, and print it with its entry for API_KEYS; nothing is kept")
    .argument("<name>", "tenant: letters, digits, '_', '.' and '-', at most 64")
    .action(async (name: string) => {
      const { printEntry } = await import("./keys.ts");
      done(await printEntry(name));
    });
  withFolder(keys.command("list"))
    .description("list the keys by id and tenant; keys themselves are not known")
    .option("--json", "print them as JSON")
    .action(async (options: KeysOptions) => {
      const { listKeys } = await import("./keys.ts");
      done(await listKeys(options));
    });
  withFolder(keys.command("revoke"))
    .description("revoke one key by its id, or all keys of a tenant by its name")
    .argument("<name|id>", "tenant, or id of a key as the list has it")
    .action(async (which: string, options: KeysOptions) => {
      const { revokeKeys } = await import("./keys.ts");
      done(await revokeKeys(which, options));
    });
}
