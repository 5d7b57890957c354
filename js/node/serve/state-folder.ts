/** The folder that holds all of a server's state: made if missing, of a known format, and of one process at a time. */

import { type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { StoreInUseError } from "../../core/errors.ts";
import { SqliteKV } from "../../hosts/kv/sqlite.ts";
import { makeDirectory } from "../../hosts/shared/disk.ts";
import { storageFault } from "../../server/observe/storage-fault.ts";
import { bringForward, checkFormat, formatSteps } from "./formats.ts";

/** Says who has the folder, and nothing else. */
export const OWN = "server.sqlite";

export interface StateFolder {
  readonly folder: string;
  /** Where the store of a tenant is. */
  store(fileName: string): string;
  /** Where the bytes of files are. */
  readonly blobs: string;
  /** Lets another process have it. */
  close(): void;
}

class NoFolderError extends Error {}

/** Refuses a path that is no folder and cannot become one, as a file is in its place or above it. */
export function checkPlace(folder: string): void {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = statOf(path);
    if (found && !found.isDirectory()) throw new NoFolderError(`--data must name a folder: ${path} is none`);
    if (found || path === dirname(path)) return;
  }
}

/** Nothing for what is not there, or cannot be looked at: whoever needs it says why. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Makes the folder, unless it is there. It is nobody's by that. @throws Error that says why it cannot be used */
export async function makeStateFolder(folder: string, steps = formatSteps): Promise<void> {
  checkPlace(folder);
  try {
    makeDirectory(folder);
  } catch (error) {
    // A disk at fault is explained as one.
    if (["full", "read_only"].includes(storageFault(error) ?? "")) throw error;
    throw new NoFolderError(
      `--data must name a folder, and ${folder} cannot be made: ${(error as Error).message}`,
    );
  }
  await checkFormat(folder, steps);
}

/** @throws Error that says why this folder cannot be used */
export async function openStateFolder(name: string, steps = formatSteps): Promise<StateFolder> {
  const folder = resolve(name);
  let own: SqliteKV | undefined;
  try {
    await makeStateFolder(folder, steps);
    own = new SqliteKV(join(folder, OWN));
    await own.lock();
    await bringForward(folder, steps);
  } catch (error) {
    own?.close();
    throw error instanceof StoreInUseError ? inUse(folder, error) : explained(folder, error, own);
  }
  const held = own;
  return {
    folder,
    store: (fileName) => join(folder, "tenants", `${fileName}.sqlite`),
    blobs: join(folder, "blobs"),
    close: () => held.close(),
  };
}

/** What an operator can do about a disk at fault. */
function explained(folder: string, error: unknown, own: SqliteKV | undefined): unknown {
  const fault = error instanceof NoFolderError ? null : storageFault(error);
  if (fault === null) return error;
  const { message } = error as Error;
  if (fault !== "damaged") return new Error(`cannot write to ${folder}: ${message}`);
  if (own !== undefined) return error;
  return new Error(
    `${message}. ${OWN} holds nothing but who has the folder: remove it, with ${OWN}-wal and ${OWN}-shm, and start again`,
  );
}

function inUse(folder: string, { holder }: StoreInUseError): Error {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : "another process";
  const since = holder ? `, since ${new Date(holder.since * 1000).toISOString()}` : "";
  return new Error(`${folder} is in use by ${who}${since}: one server at a time may have it`);
}
