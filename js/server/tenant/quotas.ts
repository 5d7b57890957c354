/** What a tenant may keep and queue, where the operator has set it. */

import { ApiError } from "../../core/errors.ts";
import type { Quotas } from "../ports.ts";

/** How many bytes the next file may have. Throws when no file is allowed, or none of that size. */
export function storageRoom(most: Quotas, has: { files: number; bytes: number }, bytes = 0): number {
  if (has.files >= most.files) throw refused(`File limit reached. Limit: ${most.files} files.`);
  const room = most.storedBytes - has.bytes;
  if (room <= 0 || bytes > room) throw storageFull();
  return room;
}

export function storageFull(): ApiError {
  return refused("Storage limit reached.");
}

/** It passes when files are deleted, and not by itself. */
function refused(what: string): ApiError {
  return new ApiError({
    ...{ status: 400, type: "invalid_request_error", param: null, code: "storage_limit_exceeded" },
    message: `${what} Please delete files that are no longer needed.`,
  });
}

/** Throws when the queue is full. It passes by itself. */
export async function checkQueue(
  most: Quotas,
  unfinished: (limit: number) => Promise<string[]>,
): Promise<void> {
  if (!Number.isFinite(most.queuedBatches)) return;
  if ((await unfinished(most.queuedBatches)).length < most.queuedBatches) return;
  throw new ApiError({
    ...{ status: 429, type: "requests", param: null, code: "rate_limit_exceeded" },
    message:
      `Enqueued batch limit reached. Limit: ${most.queuedBatches} enqueued batches. Please try again once some ` +
      "in_progress batches have been completed.",
  });
}
