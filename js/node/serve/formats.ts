/**
 * The formats of a state folder. A change that an older build's state must follow is a step here: it is made when the
 * folder is next opened, by the one process that holds it. A step that was cut off by a crash is done again from its
 * beginning, over what it had done: doing it twice must be harmless. What it writes must be flushed when it resolves.
 */

import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { flushDirectory, isMissing } from "../../hosts/shared/disk.ts";
import { log } from "../../server/log.ts";

/** Brings a folder from one format to the next. */
export type FormatStep = (folder: string) => Promise<void>;

/** The first brings format 1 to 2. There has been no other than 1 yet. */
export const formatSteps: readonly FormatStep[] = [];

export const FORMAT_FILE = "format";
/** On its way to becoming {@link FORMAT_FILE}. */
const NEW_FORMAT = "format.new";
/** A volume's own folder, where a file system puts what it has found. */
export const LOST_AND_FOUND = "lost+found";

/** What a build with these steps reads and writes. */
const newest = (steps: readonly FormatStep[]) => steps.length + 1;

/** Refuses a folder that this build cannot read, as it is; one that is empty becomes a folder of the newest format. */
export async function checkFormat(folder: string, steps: readonly FormatStep[]): Promise<void> {
  let format = await readFormat(folder);
  if (format === null) {
    try {
      await checkEmpty(folder);
      return await writeFormat(folder, newest(steps));
    } catch (error) {
      // Another process may have made the folder ours meanwhile.
      format = await readFormat(folder);
      if (format === null) throw error;
    }
  }
  checkKnown(format, folder, steps);
}

/** @throws Error for a format that is newer than this build */
function checkKnown(format: number, what: string, steps: readonly FormatStep[]): void {
  if (format <= newest(steps)) return;
  throw new Error(
    `${what} was written by a newer edgebatch: its format is ${format}, and this build knows formats up to ` +
      `${newest(steps)}. Use the newer build, or another folder (--data)`,
  );
}

/** The format that a text says. @throws Error for what is no format, or one that this build does not know */
export function knownFormat(text: string, what: string, where = what): number {
  const format = numberIn(text, where);
  checkKnown(format, what, formatSteps);
  return format;
}

/** Takes the steps that are missing. The caller holds the folder. */
export async function bringForward(folder: string, steps: readonly FormatStep[]): Promise<void> {
  const first = (await readFormat(folder)) ?? newest(steps);
  for (const [index, step] of steps.entries()) {
    const [from, to] = [index + 1, index + 2];
    if (from < first) continue;
    try {
      await step(folder);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(
        `${folder} cannot be brought from format ${from} to ${to}, which the next start tries again: ${why}`,
      );
    }
    // Last: until then it is a folder of the older format, which is gone through again.
    await writeFormat(folder, to);
    log("state.migrated", { from, to });
  }
}

/** The format of a folder's state; null where there is none. @throws Error for what is no format */
export async function readFormat(folder: string): Promise<number | null> {
  const text = await readFile(join(folder, FORMAT_FILE), "utf8").catch((error) => {
    if (isMissing(error)) return null;
    throw error;
  });
  return text === null ? null : numberIn(text, join(folder, FORMAT_FILE));
}

function numberIn(text: string, where: string): number {
  if (/^[1-9]\d{0,8}\n?$/.test(text)) return Number(text);
  throw new Error(`${where} does not hold the number of a format`);
}

async function checkEmpty(folder: string): Promise<void> {
  const others = (await readdir(folder)).filter(
    (name) => ![NEW_FORMAT, FORMAT_FILE, LOST_AND_FOUND].includes(name),
  );
  if (others.length === 0) return;
  throw new Error(
    `${folder} is not empty, and holds no state of edgebatch serve; name another folder (--data)`,
  );
}

export async function writeFormat(folder: string, format: number): Promise<void> {
  const written = join(folder, NEW_FORMAT);
  await writeFile(written, `${format}\n`, { flush: true });
  await rename(written, join(folder, FORMAT_FILE));
  await flushDirectory(folder);
}
