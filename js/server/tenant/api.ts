/** What others may ask of a tenant: the routes, and whoever runs its batches. */

import type {
  Batch,
  BatchList,
  BatchManifest,
  BatchResults,
  BatchResultsParams,
  KVCheck,
  KVOp,
  KVQuery,
} from "../../core/types.ts";
import type { Allowance } from "../rate.ts";
import type { WebhookApi } from "../webhooks/webhooks.ts";
import type { RecordPage } from "./record-page.ts";
import type {
  FileList,
  FileQuery,
  NewFile,
  NewPart,
  NewUpload,
  Segment,
  StoredFile,
  UnpackedContent,
  UploadPlan,
  WireFile,
  WirePart,
  WireUpload,
} from "./types.ts";

/** What a move asks of a tenant. Records are those of the core, by their keys. */
export interface MoveApi {
  moveGet(key: string): Promise<Uint8Array | null>;
  moveList(query: KVQuery): Promise<RecordPage>;
  moveWrite(ops: KVOp[], checks: KVCheck[]): Promise<boolean>;
  /** Whether another batch may come. Throws when the queue is full. */
  moveRoom(): Promise<void>;
}

/** For the routes. What is refused is an `ApiError`. */
export interface TenantApi extends WebhookApi, MoveApi {
  /** Counts a call, if it is within so many a minute. */
  takeCall(requestsPerMinute: number): Promise<Allowance>;
  /** How many batches have something in flight, or have it stored. */
  batchesInFlight(): Promise<number>;
  createBatch(params: Record<string, unknown>, outputSeconds: number | null): Promise<Batch>;
  retrieveBatch(id: string): Promise<Batch>;
  cancelBatch(id: string): Promise<Batch>;
  pauseBatch(id: string): Promise<Batch>;
  resumeBatch(id: string): Promise<Batch>;
  /** Finished lines of a batch, whether it has ended or not. */
  batchResults(id: string, params: BatchResultsParams): Promise<BatchResults>;
  /** What a batch that has ended read and wrote. */
  batchManifest(id: string): Promise<BatchManifest>;
  listBatches(query: { after?: string; limit?: number }): Promise<BatchList>;
  /** Bytes of a file are about to be written; says how many they may be. */
  startFile(key: string): Promise<number>;
  /** Objects are about to be written. They are found again if their writer is cut off. */
  expectObjects(keys: string[]): Promise<void>;
  /** The same of an object that is written in parts. */
  expectMultipart(key: string, uploadId: string): Promise<void>;
  createFile(file: NewFile): Promise<WireFile>;
  /** A file, of purpose `batch` where a batch holds it, for a move. */
  moveFile(holder: string, id: string): Promise<StoredFile | null>;
  getFile(id: string): Promise<StoredFile>;
  listFiles(query: FileQuery): Promise<FileList>;
  deleteFile(id: string): Promise<void>;
  createUpload(upload: NewUpload): Promise<WireUpload>;
  /** How many bytes the next part may have. */
  uploadRoom(id: string): Promise<number>;
  addUploadPart(id: string, part: NewPart): Promise<WirePart>;
  /** The bytes of parts that are kept in the index, one after the other; null when one is gone. */
  partContent(id: string, partIds: string[]): Promise<Uint8Array | null>;
  planUpload(id: string, partIds: string[]): Promise<UploadPlan>;
  /** Makes the file. `content` is of one that came packed, and lies unpacked in the segments. */
  completeUpload(
    id: string,
    partIds: string[],
    fileId: string,
    segments: Segment[],
    content?: UnpackedContent,
  ): Promise<WireUpload>;
  cancelUpload(id: string): Promise<WireUpload>;
}

/** A newer turn has replaced the one that asked. */
export class TurnReplacedError extends Error {
  override name = "TurnReplacedError";
}

/** For a batch's turns. Those of a turn that a newer one has replaced are refused. */
export interface TurnApi {
  /** A record of the batch. */
  runnerGet(batchId: string, key: string): Promise<Uint8Array | null>;
  /** As `batch` of the key-value store. */
  runnerWrite(batchId: string, turn: number, ops: KVOp[], checks?: KVCheck[]): Promise<boolean>;
  /** The batch's input file, if it is one. */
  runnerInput(batchId: string, id: string): Promise<StoredFile | null>;
  /** Any other file: the results of a batch that is continued. */
  runnerFile(id: string): Promise<StoredFile | null>;
  /** Objects of an output or error file are about to be written, or are there. A file that is there already is written again. */
  runnerStarts(batchId: string, turn: number, fileId: string, ...keys: string[]): Promise<void>;
  expectMultipart(key: string, uploadId: string): Promise<void>;
  /** An output or error file. */
  runnerOutput(batchId: string, turn: number, file: OutputFile): Promise<WireFile>;
  /** The batch has ended: its seat is free. */
  runnerEnded(batchId: string, turn: number): Promise<void>;
  /** The batch cannot continue for now, or is paused: others may run meanwhile. */
  runnerRests(batchId: string, turn: number, wakeAt: number, isPaused: boolean): Promise<void>;
  /** The Runner cannot read its database. */
  runnerDamaged(batchId: string, turn: number, message: string): Promise<void>;
}

export type OutputFile = Omit<NewFile, "created_at" | "expires_at">;
