/** Moves a finished file to its path: whole or not at all, and never over an existing file. */

import { link, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readAll } from "./input.ts";
import { CannotRun } from "./terminal.ts";

/**
 * Gives the finished file `from` the name `to`. `from` stays, and calling again after a crash finishes the work:
 * a file at `to` with the same content counts as moved. With `force` any other file there is replaced.
 * @throws CannotRun when another file is there
 */
export async function place(from: string, to: string, force: boolean): Promise<void> {
  if (await isSame(from, to)) return;
  const beside = join(dirname(to), `.${basename(to)}.edgebatch`);
  await discard(beside);
  try {
    await link(from, beside);
  } catch (error) {
    if (!cannotLink(error)) throw error;
    await copy(from, beside);
  }
  try {
    if (force) await rename(beside, to);
    else await linkNew(beside, to);
  } finally {
    await discard(beside);
  }
  await flush(dirname(to));
}

/** The error of a file that is there already. */
export function inTheWay(path: string): CannotRun {
  return new CannotRun(`${path} exists; --force replaces it, or name another file`);
}

/** Removes a file that has no successor. */
export async function discard(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** A hard link is the rename that refuses to replace. */
async function linkNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST" || (cannotLink(error) && (await exists(to)))) {
      throw inTheWay(to);
    }
    if (!cannotLink(error)) throw error;
    await rename(from, to);
  }
}

/** Another file system, or one without hard links. */
function cannotLink(error: unknown): boolean {
  return ["EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "UNKNOWN"].includes(
    (error as NodeJS.ErrnoException).code ?? "",
  );
}

async function copy(from: string, to: string): Promise<void> {
  const target = await open(to, "w");
  try {
    for await (const chunk of readAll(await open(from, "r"))) await target.writeFile(chunk);
    await target.sync();
  } finally {
    await target.close();
  }
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one), stat(other).catch(() => null)]);
  if (b === null || !b.isFile() || a.size !== b.size) return false;
  if (a.dev === b.dev && a.ino === b.ino) return true;
  const [left, right] = await Promise.all([open(one, "r"), open(other, "r")]);
  try {
    const [mine, theirs] = [Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)];
    for (let at = 0; at < a.size; at += mine.length) {
      const length = Math.min(mine.length, a.size - at);
      await fill(left, mine, length, at);
      await fill(right, theirs, length, at);
      if (!mine.subarray(0, length).equals(theirs.subarray(0, length))) return false;
    }
    return true;
  } finally {
    await Promise.all([left.close(), right.close()]);
  }
}

async function fill(
  handle: Awaited<ReturnType<typeof open>>,
  buffer: Buffer,
  length: number,
  at: number,
): Promise<void> {
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, length - done, at + done);
    if (bytesRead === 0) throw new Error("a file became shorter while it was read");
    done += bytesRead;
  }
}

async function flush(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
