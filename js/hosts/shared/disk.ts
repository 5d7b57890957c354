/** Writing to the local disk so that it lasts: what was flushed survives `kill -9` and loss of power. */

import type { FileHandle } from "node:fs/promises";
import { writerEnded } from "./file-names.ts";
import { fs, paths } from "./node-modules.ts";

/**
 * Makes the directory, for this user alone as it holds prompts and answers, and flushes the name of each that had to be
 * made to the disk. One that is there stays as it is.
 */
export function makeDirectory(directory: string): void {
  if (isDirectory(directory)) return;
  const parent = paths().dirname(directory);
  // One by one: where nothing can be made though the parent is there, as in /proc, Node's `recursive` tries for ever.
  if (parent !== directory) makeDirectory(parent);
  try {
    fs().mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isDirectory(directory)) throw error;
  }
  flushDirectorySync(parent);
}

function isDirectory(path: string): boolean {
  try {
    return fs().statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** A rename is durable only when the directory is flushed. Windows cannot open directories, and need not. */
export async function flushDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await fs().promises.open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function flushDirectorySync(directory: string): void {
  if (process.platform === "win32") return;
  const handle = fs().openSync(directory, "r");
  try {
    fs().fsyncSync(handle);
  } finally {
    fs().closeSync(handle);
  }
}

/** Unlinks; no error if there is nothing. */
export async function discard(path: string): Promise<void> {
  try {
    await fs().promises.unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Whether an error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** The bytes of a range, fewer where the file ends. */
export async function readFully(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done === length ? bytes : bytes.subarray(0, done);
}

/** Appends to a file that nobody else writes, in the order of the calls. After a write that failed nothing can be kept. */
export class Appender {
  readonly #handle: FileHandle;
  readonly #what: string;
  #size = 0;
  #state: "open" | "failed" | "closed" = "open";

  /** `what` is how errors call it. */
  constructor(handle: FileHandle, what: string) {
    this.#handle = handle;
    this.#what = what;
  }

  /** Bytes that were to be written so far. */
  get size(): number {
    return this.#size;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  async write(part: Uint8Array): Promise<void> {
    this.checkOpen();
    let position = this.#size;
    this.#size += part.length;
    try {
      for (let done = 0; done < part.length; ) {
        const { bytesWritten } = await this.#handle.write(part, done, part.length - done, position);
        done += bytesWritten;
        position += bytesWritten;
      }
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  /** Flushes to the disk and closes. */
  async keep(): Promise<void> {
    this.checkOpen();
    this.#state = "closed";
    try {
      await this.#handle.sync();
      // A writer that was stopped for a day may have been taken for dead, and its bytes for remains.
      if ((await this.#handle.stat()).nlink === 0) {
        throw new Error(`The bytes of ${this.#what} were removed.`);
      }
    } finally {
      await this.#handle.close();
    }
  }

  /** Closes; what was written is not needed. No error when it is closed already. */
  async drop(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    await this.#handle.close();
  }

  /** @throws Error when nothing can be written any more */
  checkOpen(): void {
    if (this.#state !== "open") throw writerEnded(this.#state);
  }
}
