/** What is tested, and what its tests share. */

import type { ResourceNotFoundError } from "../../core/errors.ts";
import type { Files } from "../../core/types.ts";

/** A fresh, empty file store to be tested. */
export interface FilesSubject {
  files: Files;
  /** Called when the test is over. */
  close?(): Promise<void>;
  /** Opens the same store again, as after a restart. Without it durability is not tested. */
  reopen?(): Promise<Files>;
  /** Opens the same store once more, as another process would. Without it one opening serves as both. */
  open?(): Promise<Files>;
  /** Truncates a stored file without the store's knowledge. Without it, lost bytes are not tested. */
  cut?(id: string, bytes: number): Promise<void>;
  /** Deletes a file as users do. Without it, what `hold` keeps is not tested. */
  remove?(files: Files, id: string): Promise<unknown>;
  /** Size of the large file that is streamed, in bytes. Default 24 MiB. */
  largeFileBytes?: number;
}

export type FilesChecks = Record<string, (files: Files, subject: FilesSubject) => Promise<void>>;

export const ID = "file-0123456789abcdef0123456789abcdef";
export const NAMED = { filename: "input.jsonl", purpose: "batch" };

/** By its name, as the core tells it: a host need not have the class from the same copy of the package. */
export function isNotFound(error: unknown): error is ResourceNotFoundError {
  return error instanceof Error && error.name === "ResourceNotFoundError";
}

/** Stores a file of these parts. */
export async function write(
  files: Files,
  parts: Uint8Array[],
  options: { filename: string; purpose: string; id?: string } = NAMED,
) {
  const writer = await files.create(options);
  for (const part of parts) await writer.write(part);
  return writer.complete();
}
