/**
 * The state folder of a run: what makes the same command go on where it stopped. It is there from the first start to
 * the moment the output files are in place.
 */

import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type FileLock, lockFile } from "../hosts/sqlite-lock.ts";
import type { Batch } from "../types.ts";
import { CannotRun } from "./terminal.ts";

/** What a state folder belongs to. Anything else may differ from one start to the next. */
export interface Job {
  /** Absolute path of the input. */
  input: string;
  /** The server, or null for the embedded model. */
  url: string | null;
  endpoint: string;
  /** The batch, once it has ended and its files are in place: all that is left is to remove the folder. */
  finished?: Batch;
}

const lockName = "lock.db";
const jobName = "job.json";
const names = [
  jobName,
  `${jobName}.new`,
  "batch.db",
  "batch.db-wal",
  "batch.db-shm",
  "batch.db.lock",
  "files",
];

/** The folder for an input when none is named: beside it, as the output files are. */
export function defaultFolder(input: string, url: string | null, endpoint: string | undefined): string {
  const what = JSON.stringify([input, url, endpoint ?? null]);
  const hash = createHash("sha256").update(what).digest("hex").slice(0, 16);
  return join(dirname(input), ".edgebatch", `${basename(input)}-${hash}`);
}

/** A state folder, locked by this process. */
export class State {
  readonly folder: string;
  readonly #lock: FileLock;

  private constructor(folder: string, lock: FileLock) {
    this.folder = folder;
    this.#lock = lock;
  }

  get database(): string {
    return join(this.folder, "batch.db");
  }

  get files(): string {
    return join(this.folder, "files");
  }

  /** Makes the folder if need be, and locks it. @throws CannotRun when another process holds it */
  static async open(folder: string): Promise<State> {
    const path = join(folder, lockName);
    for (;;) {
      await makeFolder(folder);
      const before = await inode(path);
      const lock = lockFolder(path, folder);
      // The process that held the lock may have removed the file: then this is a lock on nothing.
      if (before !== null && before === (await inode(path))) return new State(folder, lock);
      lock.release();
    }
  }

  /** What the folder was made for; null when nothing has begun. */
  async job(): Promise<Job | null> {
    try {
      const { version, ...job } = JSON.parse(await readFile(join(this.folder, jobName), "utf8"));
      if (version !== 1) throw new CannotRun(`${this.folder} was written by another version of edgebatch`);
      return job as Job;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  async saveJob(job: Job): Promise<void> {
    const path = join(this.folder, jobName);
    await writeFile(`${path}.new`, JSON.stringify({ version: 1, ...job }), { flush: true });
    await rename(`${path}.new`, path);
  }

  /** Forgets everything; the lock stays. */
  async clear(): Promise<void> {
    // What says that there is a run goes first: a half cleared folder is none, and is cleared before the next begins.
    for (const name of names) {
      await rm(join(this.folder, name), { recursive: true, force: true });
    }
  }

  /** Removes the folder, what it was made for and the lock last, and its parent if that is ours and empty. */
  async remove(): Promise<void> {
    // A folder half removed still says that its run has finished.
    for (const name of [...names].reverse()) {
      await rm(join(this.folder, name), { recursive: true, force: true });
    }
    await rm(join(this.folder, lockName), { force: true });
    this.release();
    await removeIfEmpty(this.folder);
    const parent = dirname(this.folder);
    if (basename(parent) === ".edgebatch") await removeIfEmpty(parent);
  }

  /** Lets another process have the folder. */
  release(): void {
    this.#lock.release();
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const found = await readdir(folder);
    if (found.length > 0 && !found.includes(lockName)) {
      throw new CannotRun(`${folder} holds other files; --state needs a folder of its own`);
    }
    await (await open(join(folder, lockName), "a")).close();
  } catch (error) {
    if (error instanceof CannotRun) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return; // Removed in this moment; the caller notices and tries again.
    throw new CannotRun(
      `cannot use ${folder} for the state of the run (${message}); name another with --state`,
    );
  }
}

function lockFolder(path: string, folder: string): FileLock {
  let lock: FileLock | null;
  try {
    lock = lockFile(path);
  } catch (error) {
    throw new CannotRun(`cannot lock ${path}: ${(error as Error).message}`);
  }
  if (lock === null)
    throw new CannotRun(`another edgebatch is running this batch (its state is in ${folder})`);
  return lock;
}

async function inode(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {});
}
