/**
 * Where the server keeps things. A tenant's records stand beside the core's in its key-value store, under names of their
 * own; the tenant's service writes all of them. Bytes of files are objects, whose keys start with the tenant's name.
 */

import { keys } from "../core/rules.ts";

/** Of one file: everything about it but where its bytes are. */
export const fileRecord = (id: string) => `tenant:file:${id}`;
/** The objects that hold a file's bytes. Written with the file, and never changed. */
export const fileBytes = (id: string) => `tenant:file-bytes:${id}`;
/** How many files there are, their bytes, and the number of the newest. */
export const FILE_TOTALS = "tenant:file-totals";
/** Files as users see them, in the order of lists: of all, or of a purpose. */
export const filesListed = (purpose: string | undefined) =>
  purpose === undefined ? "tenant:files:" : `tenant:files-of:${encodeURIComponent(purpose)}:`;
/** Files that expire, by time. */
export const FILES_DUE = "tenant:file-due:";
/** Where a file that is gone stood in lists, as a pager may hold its id; and those by the time they went. */
export const fileGone = (id: string) => `tenant:file-gone:${id}`;
export const FILES_GONE = "tenant:files-gone:";
/** The input file that a batch holds until it has ended. */
export const heldInput = (batchId: string) => `tenant:held-input:${batchId}`;

export const uploadRecord = (id: string) => `tenant:upload:${id}`;
/** The parts that a completed upload named. */
export const uploadNamed = (id: string) => `tenant:upload-named:${id}`;
/** Uploads by the time at which they expire, or are forgotten. */
export const UPLOADS_DUE = "tenant:upload-due:";
/** Uploads that have ended and whose parts are not thrown away yet. */
export const UPLOADS_SPENT = "tenant:upload-spent:";
export const uploadParts = (uploadId: string) => `tenant:part:${uploadId}:`;
/** The bytes of a small part. */
export const partContent = (uploadId: string, id: string) => `tenant:part-content:${uploadId}:${id}`;

/** An object from before it is written until something names it; and those by the time at which they are abandoned. */
export const writing = (key: string) => `tenant:writing:${key}`;
export const WRITING_DUE = "tenant:writing-due:";
/** Objects that nothing names any more. */
export const WASTE = "tenant:waste:";

/** The seat of a batch that runs, or rests. */
export const SEATS = "tenant:seat:";
/** Seconds that a batch's output and error files live, where its creator said so. */
export const outputSeconds = (batchId: string) => `output_seconds:${batchId}`;

/** The level of the tenant's calls, now and then. */
export const CALLS = "tenant:calls";

/** All webhook endpoints; and those that were deleted, while something waits for them. */
export const ENDPOINTS = "tenant:webhook-endpoints";
export const ENDPOINTS_GONE = "tenant:webhook-gone:";
/** Events that wait for an endpoint, by the time at which they are sent. */
export const deliveries = (endpointId: string) => `tenant:delivery:${endpointId}:`;

/** Who has how many places at a model server, where several processes share it: of no tenant, by the server's name. */
export const SLOTS = "slots:";

/** The core's records that the tenant's service looks at. */
export const EVENT = keys.event.prefix;
export const BATCH = keys.batch.prefix;
export const RUN = keys.run.prefix;
export const CANCEL = keys.cancel.prefix;
export const PAUSE = keys.pause.prefix;
export const LEASE = keys.lease.prefix;
/** Batches whose results somebody follows. */
export const WATCH = keys.watch.prefix;

/** A number in keys that sort by it. */
export function sortable(number: number): string {
  return String(number).padStart(12, "0");
}

/** An entry of an index by time (Unix seconds). */
export function atTime(prefix: string, time: number, what: string): string {
  return `${prefix}${sortable(time)}:${what}`;
}

/** What an entry of an index by time is of. */
export function ofTime(prefix: string, key: string): { time: number; what: string } {
  const at = prefix.length + 12;
  return { time: Number(key.slice(prefix.length, at)), what: key.slice(at + 1) };
}

/** Where the bytes of a file are. */
export function fileKey(tenant: string, id: string): string {
  return `${tenant}/files/${id}`;
}

/** Where the bytes of a file are from there on, of one that is several objects: whoever writes it again writes the same ones. */
export function segmentKey(tenant: string, id: string, offset: number): string {
  return offset === 0 ? fileKey(tenant, id) : `${fileKey(tenant, id)}~${offset}`;
}

/** The file that such an object is of; null for a part of an upload. */
export function fileOfSegment(key: string): string | null {
  return /\/files\/([^/~]+)(~\d+)?$/.exec(key)?.[1] ?? null;
}

/** Where the bytes of a part of an upload are. */
export function partKey(tenant: string, id: string): string {
  return `${tenant}/parts/${id}`;
}
