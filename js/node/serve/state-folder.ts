/** The folder that holds all of a server's state: made if missing, of a known format, and of one process at a time. */

import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StoreInUseError } from "../../core/errors.ts";
import { SqliteKV } from "../../hosts/kv/sqlite.ts";
import { flushDirectory, isMissing, makeDirectory } from "../../hosts/shared/disk.ts";

/** What this build reads and writes. */
const FORMAT = 1;

export const FORMAT_FILE = "format";
/** On its way to becoming {@link FORMAT_FILE}. */
const NEW_FORMAT = "format.new";
/** A volume's own folder, where a file system puts what it has found. */
export const LOST_AND_FOUND = "lost+found";

export interface StateFolder {
  /** Where the store of a tenant is. */
  store(fileName: string): string;
  /** Where the bytes of files are. */
  readonly blobs: string;
  /** Lets another process have it. */
  close(): void;
}

/** @throws Error that says why this folder cannot be used */
export async function openStateFolder(name: string): Promise<StateFolder> {
  const folder = resolve(name);
  makeDirectory(folder);
  await checkFormat(folder);
  const own = new SqliteKV(join(folder, "server.sqlite"));
  try {
    await own.lock();
  } catch (error) {
    own.close();
    throw error instanceof StoreInUseError ? inUse(folder, error) : error;
  }
  return {
    store: (fileName) => join(folder, "tenants", `${fileName}.sqlite`),
    blobs: join(folder, "blobs"),
    close: () => own.close(),
  };
}

async function checkFormat(folder: string): Promise<void> {
  if ((await readFormat(folder)) !== null) return;
  const others = (await readdir(folder)).filter(
    (name) => ![NEW_FORMAT, FORMAT_FILE, LOST_AND_FOUND].includes(name),
  );
  if (others.length > 0) {
    throw new Error(
      `${folder} is not empty, and holds no state of edgebatch serve; name another folder (--data)`,
    );
  }
  await writeFormat(folder, FORMAT);
}

/** The format of a folder's state; null where there is none. @throws Error for one that this build does not know */
export async function readFormat(folder: string): Promise<number | null> {
  const path = join(folder, FORMAT_FILE);
  const text = await readFile(path, "utf8").catch((error) => {
    if (isMissing(error)) return null;
    throw error;
  });
  return text === null ? null : knownFormat(text, folder, path);
}

/** @throws Error for what is no format, or one that this build does not know */
export function knownFormat(text: string, what: string, where = what): number {
  const format = /^\d{1,9}\n?$/.test(text) ? Number(text) : null;
  if (format === null) throw new Error(`${where} does not hold the number of a format`);
  if (format <= FORMAT) return format;
  throw new Error(
    `${what} was written by a newer edgebatch: its format is ${format}, and this build knows formats up to ${FORMAT}. ` +
      "Use the newer build, or another folder (--data)",
  );
}

export async function writeFormat(folder: string, format: number): Promise<void> {
  const written = join(folder, NEW_FORMAT);
  await writeFile(written, `${format}\n`, { flush: true });
  await rename(written, join(folder, FORMAT_FILE));
  await flushDirectory(folder);
}

function inUse(folder: string, { holder }: StoreInUseError): Error {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : "another process";
  const since = holder ? `, since ${new Date(holder.since * 1000).toISOString()}` : "";
  return new Error(`${folder} is in use by ${who}${since}: one server at a time may have it`);
}
