/** The folder that holds all of a server's state: made if missing, of a known format, and of one process at a time. */

import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StoreInUseError } from "../../core/errors.ts";
import { SqliteKV } from "../../hosts/kv/sqlite.ts";
import { flushDirectory, isMissing, makeDirectory } from "../../hosts/shared/disk.ts";

/** What this build reads and writes. */
const FORMAT = 1;

const FORMAT_FILE = "format";
/** On its way to becoming {@link FORMAT_FILE}. */
const NEW_FORMAT = "format.new";

export interface StateFolder {
  /** Where the store of a tenant is. */
  store(fileName: string): string;
  /** Where the bytes of files are. */
  readonly blobs: string;
  /** Lets another process have it. */
  close(): void;
}

/** Makes the folder, unless it is there. It is nobody's by that. @throws Error that says why it cannot be used */
export async function makeStateFolder(folder: string): Promise<void> {
  makeDirectory(folder);
  await checkFormat(folder);
}

/** @throws Error that says why this folder cannot be used */
export async function openStateFolder(name: string): Promise<StateFolder> {
  const folder = resolve(name);
  await makeStateFolder(folder);
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
  let text = await readFormat(folder);
  if (text === null) {
    try {
      return await writeFormat(folder);
    } catch (error) {
      // Another process may have made the folder ours meanwhile.
      text = await readFormat(folder);
      if (text === null) throw error;
    }
  }
  const format = /^\d{1,9}\n?$/.test(text) ? Number(text) : null;
  if (format === null) throw new Error(`${join(folder, FORMAT_FILE)} does not hold the number of a format`);
  if (format <= FORMAT) return;
  throw new Error(
    `${folder} was written by a newer edgebatch: its format is ${format}, and this build knows formats up to ${FORMAT}. ` +
      "Use the newer build, or another folder (--data)",
  );
}

async function readFormat(folder: string): Promise<string | null> {
  return readFile(join(folder, FORMAT_FILE), "utf8").catch((error) => {
    if (isMissing(error)) return null;
    throw error;
  });
}

async function writeFormat(folder: string): Promise<void> {
  const others = (await readdir(folder)).filter((name) => name !== NEW_FORMAT && name !== FORMAT_FILE);
  if (others.length > 0) {
    throw new Error(
      `${folder} is not empty, and holds no state of edgebatch serve; name another folder (--data)`,
    );
  }
  const written = join(folder, NEW_FORMAT);
  await writeFile(written, `${FORMAT}\n`, { flush: true });
  await rename(written, join(folder, FORMAT_FILE));
  await flushDirectory(folder);
}

function inUse(folder: string, { holder }: StoreInUseError): Error {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : "another process";
  const since = holder ? `, since ${new Date(holder.since * 1000).toISOString()}` : "";
  return new Error(`${folder} is in use by ${who}${since}: one server at a time may have it`);
}
