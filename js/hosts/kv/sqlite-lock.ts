/** A lock that the system ends with the process, however that ends: a transaction of SQLite that is never committed. */

import type { DatabaseSync } from "node:sqlite";
import { sqlite } from "../shared/node-modules.ts";

/** What SQLite says when someone else holds what is asked for: its number, and its text, which is all that Deno tells. */
const SQLITE_BUSY = 5;
const BUSY_TEXT = "database is locked";

/** A lock on a file that is there for nothing else. */
export interface FileLock {
  /** Lets others have it. No error when that has been done already. */
  release(): void;
}

/**
 * Locks the file, which is made if need be. Null when it is held already, by another process or by this one. Of several
 * that ask at the same moment exactly one gets it.
 */
export function lockFile(path: string): FileLock | null {
  let db: DatabaseSync | undefined;
  try {
    db = new (sqlite().DatabaseSync)(path);
    // Not EXCLUSIVE, for which two that ask at once could both be refused. Nothing is written, so no journal is needed.
    db.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE");
  } catch (error) {
    db?.close();
    if (isBusy(error)) return null;
    throw error;
  }
  let held: DatabaseSync | undefined = db;
  return {
    release: () => {
      held?.close();
      held = undefined;
    },
  };
}

/** Whether an error of SQLite says that someone else is at it. */
export function isBusy(error: unknown): boolean {
  const { errcode, message } = error as { errcode?: number; message?: string };
  return errcode === undefined ? message === BUSY_TEXT : errcode === SQLITE_BUSY;
}
