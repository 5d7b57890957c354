/** The folder that holds all of a server's state: made if missing, of a known format, and of one process at a time. */

import { join, resolve } from "node:path";
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

/** Makes the folder, unless it is there. It is nobody's by that. @throws Error that says why it cannot be used */
export async function makeStateFolder(folder: string, steps = formatSteps): Promise<void> {
  makeDirectory(folder);
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
  const fault = storageFault(error);
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
