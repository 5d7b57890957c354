// The folder with the state: ours alone while we run, and not readable by others.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Failure } from "../../lib/process.mjs";

/** Paths of socket files are at most 104 bytes long on some systems. */
const LONGEST_FOLDER = 80;
const RUN_FOLDER = /^edgebatch-[A-Za-z0-9]{6}$/;
/** What earlier versions left: the settings with their keys, and traces and logs of every call with its URL. */
const formerly = ["settings.env", "logs", "v3/observability"];
const BUSY = 5;

/** Another process holds the folder. */
export class Held extends Failure {
  status = 2;
}

/** Makes the folder if need be and locks it. @throws Held @throws Failure when the folder cannot be used */
export async function openState(dir, address) {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
  } catch (error) {
    throw unusable(dir, error);
  }
  const lock = await locked(dir);
  try {
    const record = join(dir, "owner.json");
    const former = ownerOf(record);
    if (former) removeRunFolder(former.run);
    for (const name of formerly) rmSync(join(dir, name), { recursive: true, force: true });
    const run = mkdtempSync(join(tmpdir().length > LONGEST_FOLDER ? "/tmp" : tmpdir(), "edgebatch-"));
    const owner = { pid: process.pid, since: new Date().toISOString(), address, run };
    writeFileSync(`${record}.new`, JSON.stringify(owner), { mode: 0o600 });
    renameSync(`${record}.new`, record);
    return {
      run,
      close() {
        removeRunFolder(run);
        rmSync(record, { force: true });
        if (lock.isOpen) lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw unusable(dir, error);
  }
}

/** An exclusive lock of SQLite's: the system ends it with the process, however that ends. */
async function locked(dir) {
  const { DatabaseSync } = await import("node:sqlite");
  const file = join(dir, "lock.db");
  let lock;
  try {
    lock = new DatabaseSync(file);
    // Two that start at once can each keep the other out for a moment.
    for (let tries = 1; ; tries++) {
      try {
        lock.exec("BEGIN EXCLUSIVE");
        return lock;
      } catch (error) {
        if (error.errcode !== BUSY) throw error;
        if (tries === 25) throw held(dir);
      }
      await new Promise((next) => setTimeout(next, 20 + 40 * Math.random()));
    }
  } catch (error) {
    if (lock?.isOpen) lock.close();
    if (error instanceof Failure) throw error;
    if (error.code !== "ERR_SQLITE_ERROR") throw unusable(dir, error);
    throw new Failure(
      `start: the lock ${file} cannot be used (${error.message}). If no other process uses this folder, remove the file; ` +
        "nothing is kept in it.",
    );
  }
}

function held(dir) {
  const owner = ownerOf(join(dir, "owner.json"));
  const who = owner
    ? `process ${owner.pid}, which has served ${owner.address} from it since ${owner.since}`
    : "another process";
  return new Held(
    `start: the state in ${dir} is in use by ${who}. Two at once would undo each other's work: stop that one, or set ` +
      "STATE_DIR to another folder.",
  );
}

/** What the process says that holds the folder, or held it; undefined when that cannot be read. */
function ownerOf(record) {
  try {
    const owner = JSON.parse(readFileSync(record, "utf8"));
    return typeof owner?.run === "string" ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Removes what a run had beside its state. Only what can be such a folder, whatever the record says. */
function removeRunFolder(run) {
  if (!RUN_FOLDER.test(basename(run))) return;
  const found = lstatSync(run, { throwIfNoEntry: false });
  if (found?.isDirectory() && found.uid === process.getuid()) rmSync(run, { recursive: true, force: true });
}

function unusable(dir, error) {
  const reasons = {
    EEXIST: "it is no folder",
    ENOTDIR: "there is a file where a folder has to be",
    EACCES: "it may not be written",
    EPERM: "it belongs to someone else",
    EROFS: "it is on a file system that cannot be written",
    ENOSPC: "the disk is full",
  };
  const reason = reasons[error.code];
  if (!reason && !error.syscall) return error;
  return new Failure(`start: STATE_DIR=${dir} cannot be used: ${reason ?? error.message}`);
}
