/** Ids of files as parts of names, and what is said of files that are not there: for stores that keep bytes under names. */

import { InvalidRequestError, ResourceNotFoundError } from "../../core/errors.ts";

/** Whether an id is fit to be part of a file name: it can name nothing outside of the directory. */
export function isFileName(id: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_-]{0,199}$/.test(id);
}

/** @throws InvalidRequestError for an id that {@link isFileName} does not take */
export function checkFileName(id: string): void {
  if (isFileName(id)) return;
  const message = `Invalid 'id': '${id}'. Expected at most 200 letters, digits, '-' and '_', not '-' first.`;
  throw new InvalidRequestError(message, { param: "id", code: "invalid_value" });
}

/** There is no such file. */
export function missingFile(id: string, why = ""): ResourceNotFoundError {
  return new ResourceNotFoundError(`No such File object: ${id}${why}`, { param: "id" });
}

/** What was kept is gone, and no further try will bring it back. */
export function damagedFile(id: string, how: string): ResourceNotFoundError {
  return new ResourceNotFoundError(`File ${id} is damaged: ${how}.`, { param: "id", code: "file_damaged" });
}

/** What writing says when nothing can be written any more. */
export function writerEnded(state: "failed" | "closed"): Error {
  return new Error(state === "failed" ? "An earlier write failed." : "The writer is closed.");
}

/** The present, in Unix seconds. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
