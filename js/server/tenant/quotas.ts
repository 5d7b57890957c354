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

/** The code of what passes when files are deleted, and not by itself: clients that know it do not try again. */
export const QUOTA_USED_UP = "insufficient_quota";

function refused(what: string): ApiError {
  return new ApiError({
    ...{ status: 429, type: QUOTA_USED_UP, param: null, code: QUOTA_USED_UP },
    message: `${what} Please delete files that are no longer needed.`,
  });
}

/** What is queued of a tenant's. Counts no further than it is asked to. */
interface Queued {
  unfinished(limit: number): Promise<string[]>;
  requestsLeft(limit: number): Promise<number>;
}

/** Throws when the queue is full. It passes by itself. */
export async function checkQueue(most: Quotas, queued: Queued): Promise<void> {
  const { queuedBatches, queuedRequests } = most;
  if (Number.isFinite(queuedBatches)) {
    if ((await queued.unfinished(queuedBatches)).length >= queuedBatches) throw full("batch", queuedBatches);
  }
  if (Number.isFinite(queuedRequests)) {
    if ((await queued.requestsLeft(queuedRequests)) >= queuedRequests) throw full("request", queuedRequests);
  }
}

function full(what: "batch" | "request", limit: number): ApiError {
  const all = what === "batch" ? "batches" : "requests";
  return new ApiError({
    ...{ status: 429, type: "requests", param: null, code: "rate_limit_exceeded" },
    message:
      `Enqueued ${what} limit reached. Limit: ${limit} enqueued ${all}. Please try again once some ` +
      "in_progress batches have been completed.",
  });
}
