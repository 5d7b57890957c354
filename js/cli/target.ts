/** Where the files of a run are to go, looked at before it begins. */

import { access, constants, lstat, open, readlink, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { readAll } from "./input.ts";
import { CannotRun, print } from "./terminal.ts";

/** A regular file to be made or replaced, or something that is written into: a pipe, a device, standard output. */
export interface Target {
  kind: "file" | "stream";
  /** As it is shown; `-` for standard output. */
  path: string;
  /** Whether a file is there already. */
  exists: boolean;
}

const standardOutput = new Set(["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]);

/** @throws CannotRun when nothing can be written there, as far as that can be known */
export async function targetAt(name: string): Promise<Target> {
  if (standardOutput.has(name)) return { kind: "stream", path: "-", exists: false };
  const path = resolve(name);
  const found = await stat(path).catch(() => null);
  if (found === null) {
    if ((await lstat(path).catch(() => null)) !== null) {
      throw new CannotRun(
        `${path} is a link to ${await readlink(path)}, which does not exist; name that file`,
      );
    }
    await checkFolder(dirname(path));
    return { kind: "file", path, exists: false };
  }
  if (found.isDirectory()) throw new CannotRun(`${path} is a directory, not a file`);
  if (found.isFile()) {
    // What a link leads to is replaced, not the link.
    const real = await realpath(path);
    await checkFolder(dirname(real));
    return { kind: "file", path: real, exists: true };
  }
  if (found.isCharacterDevice() || found.isFIFO()) return { kind: "stream", path, exists: true };
  throw new CannotRun(`${path} is neither a file nor writable`);
}

/** Writes a finished file into a stream. */
export async function pour(from: string, { path }: Target): Promise<void> {
  const source = readAll(await open(from, "r"));
  if (path === "-") {
    for await (const chunk of source) await print(chunk);
    return;
  }
  const into = await open(path, "w");
  try {
    for await (const chunk of source) await into.writeFile(chunk);
  } finally {
    await into.close();
  }
}

/** That files can be made in a folder. @throws CannotRun */
export async function checkFolder(folder: string): Promise<void> {
  const isFolder = await stat(folder).then(
    (status) => status.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new CannotRun(`${folder}: no such folder`);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CannotRun(`${folder}: not writable (${code}); choose other paths with --out and --errors`);
  }
}

/** Where answers and errors go: what was named, or files called after `stem`. @throws CannotRun when both go to one place */
export async function resultTargets(
  stem: string,
  options: { out?: string; errors?: string; json?: boolean },
): Promise<{ output: Target; errors: Target }> {
  const output = await targetAt(options.out ?? `${stem}.output.jsonl`);
  const errors = await targetAt(options.errors ?? `${stem}.errors.jsonl`);
  if (output.path === errors.path && output.path !== "/dev/null") {
    throw new CannotRun("--out and --errors name the same file");
  }
  if (options.json && [output, errors].some(({ path }) => path === "-")) {
    throw new CannotRun("--json writes to standard output too; name a file with --out and --errors");
  }
  return { output, errors };
}
