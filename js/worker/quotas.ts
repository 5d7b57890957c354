/** What a tenant may keep and queue, where the operator has set it. */

import { ApiError } from "../errors.ts";
import type { quotas } from "./config.ts";

type Quotas = ReturnType<typeof quotas>;

/** Throws when no file of so many bytes may come. It passes when files are deleted, and not by itself. */
export function checkStorage(most: Quotas, has: { files: number; bytes: number }, bytes = 0): void {
  const refuse = (what: string) =>
    new ApiError({
      ...{ status: 400, type: "invalid_request_error", param: null, code: "storage_limit_exceeded" },
      message: `${what} Please delete files that are no longer needed.`,
    });
  if (has.files >= most.files) throw refuse(`File limit reached. Limit: ${most.files} files.`);
  if (has.bytes + bytes > most.storedBytes || has.bytes >= most.storedBytes) {
    throw refuse(`Storage limit reached. Limit: ${most.storedBytes} bytes.`);
  }
}

/** Throws when the queue is full. It passes by itself. */
export async function checkQueue(most: Quotas, unfinished: (limit: number) => Promise<string[]>): Promise<void> {
  if (!Number.isFinite(most.queuedBatches)) return;
  if ((await unfinished(most.queuedBatches)).length < most.queuedBatches) return;
  throw new ApiError({
    ...{ status: 429, type: "requests", param: null, code: "rate_limit_exceeded" },
    message:
      `Enqueued batch limit reached. Limit: ${most.queuedBatches} enqueued batches. Please try again once some ` +
      "in_progress batches have been completed.",
  });
}
