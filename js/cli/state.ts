/**
 * The state folder of a run: what lets the same command resume where it stopped. It exists from the first start until
 * the output files are written.
 */

import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type { StoreHolder } from "../core/errors.ts";
import type { Batch, BatchBudget, BatchOrder } from "../core/types.ts";
import { type FileLock, lockFile } from "../hosts/kv/sqlite-lock.ts";
import type { Failures } from "./failures.ts";
import type { Identity } from "./input-file.ts";
import { CannotRun } from "./terminal.ts";

/** What a state folder belongs to. Anything else may differ from one start to the next, the key among it. */
export interface Job {
  /** The input's name, for people. */
  name: string;
  input: Identity;
  /** The server, or null for the embedded model. */
  url: string | null;
  endpoint: string;
  /** What it may use, if that is capped. */
  budget?: BatchBudget;
  /** Identical requests are asked once. */
  dedupe?: true;
  /** In which order requests are sent, as the first start of it asked. Answers are the same in any. */
  order?: BatchOrder;
  /** The batch, once there is one. */
  batch?: string;
  /** It came from another host: what its input is called in its batch. */
  imported?: string;
  /** Another host has it, and nothing of it is here any more. */
  moved?: true;
  /** Set before the first answer is written down. */
  answered?: true;
  /** The batch, once it has ended and its files are written: all that is left is to remove the folder. */
  finished?: { batch: Batch; failures: Failures };
}

const lockName = "lock.db";
/** Who has the lock. */
const holderName = "running.json";
const jobName = "job.json";
const databaseName = "batch.db";
const unpackedName = "input.jsonl";
const names = [
  jobName,
  `${jobName}.new`,
  databaseName,
  `${databaseName}-wal`,
  `${databaseName}-shm`,
  `${databaseName}.lock`,
  unpackedName,
  `${unpackedName}.new`,
  "files",
];

/**
 * The folder for an input when none is named: beside it, as the output files are, and called like it. So it is found
 * wherever the folder of both has gone, by whatever path.
 */
export function defaultFolder(input: string): string {
  return join(dirname(input), ".edgebatch", basename(input));
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
    return join(this.folder, databaseName);
  }

  /** Where a packed input lies unpacked. */
  get unpacked(): string {
    return join(this.folder, unpackedName);
  }

  get files(): string {
    return join(this.folder, "files");
  }

  /** Makes the folder if need be, and locks it. @throws CannotRun when another process holds it */
  static async open(folder: string): Promise<State> {
    const path = join(folder, lockName);
    for (let tries = 1; ; tries++) {
      await makeFolder(folder, tries);
      const before = await inode(path);
      if (before === null) continue;
      const lock = await lockFolder(path, folder);
      // The process that held the lock may have removed the file: then this is a lock on nothing.
      if (before === (await inode(path))) {
        const holder: StoreHolder = {
          pid: process.pid,
          host: hostname(),
          since: Math.floor(Date.now() / 1_000),
        };
        await writeFile(join(folder, holderName), JSON.stringify(holder));
        return new State(folder, lock);
      }
      lock.release();
    }
  }

  /** What the folder was made for; null when nothing has begun. @throws CannotRun when that is no longer known */
  async job(): Promise<Job | null> {
    const text = await readFile(join(this.folder, jobName), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (text === null) return null;
    const { version, ...job } = this.#parsed(text);
    if (version !== 2) {
      throw new CannotRun(
        `${this.folder} was written by another version of edgebatch; --fresh discards that run`,
      );
    }
    // Without it everything would be run again, in silence.
    if (job.batch !== undefined && job.finished === undefined && !(await exists(this.database))) {
      throw this.damaged(databaseName, "it is gone");
    }
    return job;
  }

  #parsed(text: string): Job & { version: unknown } {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null) return value as Job & { version: unknown };
    } catch {
      // Told below.
    }
    throw this.damaged(jobName, "it is not what was written");
  }

  /** The error of a part of the state that cannot be used. */
  damaged(name: string, why: string): CannotRun {
    return new CannotRun(
      `the state of this run is damaged: ${join(this.folder, name)}: ${why}. --fresh discards the run and starts over`,
    );
  }

  async saveJob(job: Job): Promise<void> {
    const path = join(this.folder, jobName);
    await writeFile(`${path}.new`, JSON.stringify({ version: 2, ...job }), { flush: true });
    await rename(`${path}.new`, path);
  }

  /** Discards everything; the lock stays. */
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
    await rm(join(this.folder, holderName), { force: true });
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

async function makeFolder(folder: string, tries: number): Promise<void> {
  try {
    await makeAll(folder);
    const found = await readdir(folder);
    const ours = [lockName, `${lockName}-journal`, holderName, ...names];
    if (found.length > 0 && !found.some((name) => ours.includes(name))) {
      throw new CannotRun(`${folder} holds other files; --state needs a folder of its own`);
    }
    await (await open(join(folder, lockName), "a")).close();
  } catch (error) {
    if (error instanceof CannotRun) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    // Removed in this moment: the caller notices and tries again. Some file systems say the same however often they are asked.
    if (code === "ENOENT" && tries < 20) return;
    throw new CannotRun(
      `the state of the run cannot be kept in ${folder} (${message}); name another folder with --state, and --out and --errors for the answers`,
    );
  }
}

/** Node's own recursive `mkdir` says ENOENT of a file system that is read-only, and on some file systems never returns. */
async function makeAll(folder: string): Promise<void> {
  for (const last of [false, true]) {
    try {
      // Prompts and answers are nobody else's.
      await mkdir(folder, { mode: 0o700 });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") return;
      if (code !== "ENOENT" || last || dirname(folder) === folder) throw error;
      await makeAll(dirname(folder));
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function lockFolder(path: string, folder: string): Promise<FileLock> {
  let lock: FileLock | null;
  try {
    lock = lockFile(path);
  } catch (error) {
    throw new CannotRun(
      `cannot lock ${path}: ${(error as Error).message}. The file holds no data: delete it if no edgebatch is running`,
    );
  }
  if (lock !== null) return lock;
  throw new CannotRun(
    `another edgebatch is running this file${await holderOf(folder)}. Its state is in ${folder}; --state keeps a second run apart`,
  );
}

/** Who has the lock, as a part of a sentence; empty where it has not been written down yet. */
async function holderOf(folder: string): Promise<string> {
  try {
    const text = await readFile(join(folder, holderName), "utf8");
    const { pid, host, since } = JSON.parse(text) as StoreHolder;
    return `: process ${pid} on ${host}, since ${new Date(since * 1_000).toISOString()}`;
  } catch {
    return "";
  }
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
