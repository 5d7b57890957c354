/** The folder that holds all of a server's state: made if missing, of a known format, and of one process at a time. */

import { join, resolve } from "node:path";
import { StoreInUseError } from "../../core/errors.ts";
import { SqliteKV } from "../../hosts/kv/sqlite.ts";
import { makeDirectory } from "../../hosts/shared/disk.ts";
import { bringForward, checkFormat, formatSteps } from "./formats.ts";

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
  await makeStateFolder(folder, steps);
  const own = new SqliteKV(join(folder, "server.sqlite"));
  try {
    await own.lock();
    await bringForward(folder, steps);
  } catch (error) {
    own.close();
    throw error instanceof StoreInUseError ? inUse(folder, error) : error;
  }
  return {
    folder,
    store: (fileName) => join(folder, "tenants", `${fileName}.sqlite`),
    blobs: join(folder, "blobs"),
    close: () => own.close(),
  };
}

function inUse(folder: string, { holder }: StoreInUseError): Error {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : "another process";
  const since = holder ? `, since ${new Date(holder.since * 1000).toISOString()}` : "";
  return new Error(`${folder} is in use by ${who}${since}: one server at a time may have it`);
}
