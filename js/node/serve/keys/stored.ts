/**
 * Keys as they are stored: hashes alone, in a file that is replaced as a whole. The commands of `edgebatch keys` write it,
 * the server reads it, also while it runs.
 */

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { lockFile } from "../../../hosts/kv/sqlite-lock.ts";
import { isMissing } from "../../../hosts/shared/disk.ts";
import { type HashedKey, refuseShared, TENANT_NAME } from "../../../server/auth.ts";
import { giveToOwner, replaceFile } from "../replace-file.ts";
import { makeStateFolder } from "../state-folder.ts";

export { TENANT_NAME };

export interface StoredKey extends HashedKey {
  readonly id: string;
  /** Unix seconds. */
  readonly created_at: number;
}

const FORMAT = 1;
const FILE = "keys.json";
const LOCK = "keys.lock";
/** How long a command waits for another that changes keys, which takes no longer than a flush of the disk. */
const LOCK_MS = 30_000;
const LOCK_LOOK_MS = 20;

export const KEY_ID = /^key_[0-9a-f]{12}$/;

/** The file of a state folder's keys. */
export function keysFile(data: string): string {
  return join(resolve(data), FILE);
}

/** The keys of a state folder; null where none were ever made. @throws Error that says what is wrong with the file */
export async function readKeys(data: string): Promise<StoredKey[] | null> {
  const path = keysFile(data);
  try {
    return parseKeys(await readFile(path, "utf8"), path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** @throws Error that says what is wrong, without the text */
export function parseKeys(text: string, path: string): StoredKey[] {
  let stored: { format?: unknown; keys?: unknown };
  try {
    stored = JSON.parse(text);
  } catch {
    throw new Error(`${path} is no JSON`);
  }
  if (typeof stored?.format === "number" && stored.format > FORMAT) {
    throw new Error(`${path} was written by a newer edgebatch: its format is ${stored.format}`);
  }
  if (stored?.format !== FORMAT || !Array.isArray(stored.keys)) throw new Error(`${path} holds no keys`);
  const keys = stored.keys.map((key: unknown, i) => {
    if (isKey(key)) return key;
    throw new Error(`${path}: key ${i + 1} is none`);
  });
  refuseShared(keys, path);
  return keys;
}

function isKey(value: unknown): value is StoredKey {
  const { id, name, sha256, models, created_at } = (value ?? {}) as Record<string, unknown>;
  const fits = (text: unknown, pattern: RegExp) => typeof text === "string" && pattern.test(text);
  return (
    fits(id, KEY_ID) &&
    fits(name, TENANT_NAME) &&
    fits(sha256, /^[0-9a-f]{64}$/) &&
    typeof created_at === "number" &&
    (models === undefined || (Array.isArray(models) && models.every((model) => typeof model === "string")))
  );
}

/** Changes the keys of a state folder, which is made if missing. Of several that do so at once each sees the others' keys. */
export async function changeKeys(
  data: string,
  change: (keys: readonly StoredKey[]) => readonly StoredKey[],
): Promise<void> {
  const folder = resolve(data);
  await makeStateFolder(folder);
  const lock = await lockOf(join(folder, LOCK));
  try {
    const keys = change((await readKeys(folder)) ?? []);
    await replaceFile(folder, FILE, `${JSON.stringify({ format: FORMAT, keys }, null, 2)}\n`);
    await giveToOwner(folder, [join(folder, LOCK)]);
  } finally {
    lock.release();
  }
}

async function lockOf(path: string) {
  const deadline = Date.now() + LOCK_MS;
  for (;;) {
    const lock = lockFile(path);
    if (lock) return lock;
    if (Date.now() > deadline) throw new Error(`${path} is held by another command`);
    await new Promise((resolve) => setTimeout(resolve, LOCK_LOOK_MS));
  }
}
