/** What a tenant may keep and queue, where the operator has set it. */

import { ApiError } from "../../core/errors.ts";
import type { Quotas } from "../ports.ts";
import type { FileTotals } from "./file-index.ts";

/** How many bytes the next file may have. Throws when no file is allowed, or none of that size. */
export function storageRoom(most: Quotas, has: FileTotals, bytes = 0): number {
  checkFiles(most, has);
  return bytesRoom(most, has, bytes);
}

/** Throws when there may be no more files. */
export function checkFiles(most: Quotas, has: FileTotals): void {
  if (has.files >= most.files) throw refused(`File limit reached. Limit: ${most.files} files.`);
}

/** Throws when there may be no more files, or no more bytes: parts were counted as they came, what they hold unpacked was not. */
export function uploadRoom(most: Quotas, has: FileTotals, unpacked?: number): void {
  checkFiles(most, has);
  if (unpacked !== undefined) bytesRoom(most, has, unpacked);
}

/** How many bytes more there may be. Throws when there may be none, or not so many. */
export function bytesRoom(most: Quotas, has: FileTotals, bytes = 0): number {
  const room = most.storedBytes - has.bytes - (has.pending ?? 0);
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

/** What is queued of a tenant's. */
interface Queued {
  /** Batches that have not ended, as many as are asked for. */
  unfinished(limit: number): Promise<string[]>;
  /** Requests of theirs without a result. */
  requestsLeft(): Promise<number>;
}

/** Whether the queue can be full. */
export function boundsQueue({ queuedBatches, queuedRequests }: Quotas): boolean {
  return Number.isFinite(queuedBatches) || Number.isFinite(queuedRequests);
}

/** Throws when the queue is full. It passes by itself. */
export async function checkQueue(most: Quotas, queued: Queued): Promise<void> {
  const { queuedBatches, queuedRequests } = most;
  if (Number.isFinite(queuedBatches)) {
    if ((await queued.unfinished(queuedBatches)).length >= queuedBatches) throw full("batch", queuedBatches);
  }
  if (Number.isFinite(queuedRequests)) {
    if ((await queued.requestsLeft()) >= queuedRequests) throw full("request", queuedRequests);
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
