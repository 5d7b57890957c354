/** `edgebatch keys`: who may call the server. */

import { createHash, randomBytes } from "node:crypto";
import { nearest } from "../core/options.ts";
import { settings } from "../node/serve/config/table.ts";
import {
  changeKeys,
  KEY_ID,
  keysFile,
  readKeys,
  type StoredKey,
  TENANT_NAME,
} from "../node/serve/keys/stored.ts";
import { type FolderOptions, folderOf } from "./data-folder.ts";
import { CannotRun, exit, plural, print, say } from "./terminal.ts";

export interface KeysOptions extends FolderOptions {
  models?: string;
  json?: true;
}

/** Bytes of randomness in a key. */
const KEY_BYTES = 32;

function checkName(name: string): void {
  if (TENANT_NAME.test(name) && !KEY_ID.test(name)) return;
  throw new CannotRun(`'${name}' is no name: letters, digits, '_', '.' and '-', at most 64, and no key's id`);
}

function newKey(): { key: string; sha256: string } {
  const key = `sk-${randomBytes(KEY_BYTES).toString("base64url")}`;
  return { key, sha256: createHash("sha256").update(key).digest("hex") };
}

/** A key that is kept nowhere: what the Worker is to know of it is printed beside it. */
export async function printEntry(name: string): Promise<number> {
  checkName(name);
  const { key, sha256 } = newKey();
  await print(`key for the client   ${key}\nentry for API_KEYS   ${name}:${sha256}\n`);
  return exit.good;
}

export async function addKey(name: string, options: KeysOptions): Promise<number> {
  checkName(name);
  const models = options.models === undefined ? undefined : settings.models.kind.parse(options.models);
  if (options.models !== undefined && models === undefined) {
    throw new CannotRun(`--models must be ${settings.models.kind.must}`);
  }
  const data = await folderOf(options);
  const { key, sha256 } = newKey();
  const id = `key_${sha256.slice(0, 12)}`;
  const created_at = Math.floor(Date.now() / 1_000);
  const isFirst = (await readKeys(data)) === null;
  await changeKeys(data, (keys) => [...keys, { id, name, sha256, ...(models && { models }), created_at }]);
  say(`edgebatch: ${id} of ${name}, in ${keysFile(data)}. The key itself is shown this once:`);
  await print(`${key}\n`);
  if (isFirst)
    say("edgebatch: from now on every caller needs a key; batches made without one run to their end");
  return exit.good;
}

export async function listKeys(options: KeysOptions): Promise<number> {
  const keys = (await readKeys(await folderOf(options))) ?? [];
  if (options.json) {
    const shown = keys.map(({ id, name, models, created_at }) => ({
      id,
      name,
      models: models ?? null,
      created_at,
    }));
    await print(`${JSON.stringify(shown, null, 2)}\n`);
  } else if (keys.length === 0) {
    say("edgebatch: no keys; 'edgebatch keys add NAME' makes one");
  } else {
    await print(table(keys));
  }
  return exit.good;
}

export async function revokeKeys(which: string, options: KeysOptions): Promise<number> {
  const data = await folderOf(options);
  const isMeant = ({ id, name }: StoredKey) => id === which || name === which;
  const before = (await readKeys(data)) ?? [];
  if (!before.some(isMeant)) {
    const near = nearest(which, [...before.map(({ name }) => name), ...before.map(({ id }) => id)]);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new CannotRun(`${keysFile(data)} has no key of '${which}', and none with that id.${hint}`);
  }
  let revoked: StoredKey[] = [];
  let left: StoredKey[] = [];
  await changeKeys(data, (keys) => {
    revoked = keys.filter(isMeant);
    left = keys.filter((key) => !isMeant(key));
    return left;
  });
  say(`edgebatch: revoked ${plural(revoked.length, "key")}: ${revoked.map(({ id }) => id).join(", ")}`);
  for (const name of new Set(revoked.map((key) => key.name))) {
    if (!left.some((key) => key.name === name))
      say(`edgebatch: ${name} has no key left: its batches wait until it has one`);
  }
  return exit.good;
}

function table(keys: readonly StoredKey[]): string {
  const rows = keys.map(({ id, name, models, created_at }) => [
    id,
    name,
    new Date(created_at * 1_000).toISOString().slice(0, 19).replace("T", " "),
    models?.join(", ") ?? "any model",
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}\n`).join("");
}
