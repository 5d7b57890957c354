/** What a platform supplies to the server. All else is the same wherever it runs. */

import type { BatchesOptions } from "../core/batches.ts";
import type { BatchResults, BatchResultsParams, Dialect, KV, KVOp, KVPage, KVQuery } from "../core/types.ts";
import type { Draining } from "./drain.ts";
import type { TenantApi } from "./tenant/api.ts";
import type { Upstreams } from "./upstreams/types.ts";
import type { SendWebhook } from "./webhooks/types.ts";

/** What the routes need. */
export interface Ports {
  /** Keys and their tenants, as the operator wrote them, or as they stand at this moment. */
  readonly keys: KeyVariables | KeyRing;
  /** Who may ask for what concerns all tenants. */
  readonly operator: OperatorKeys;
  readonly draining: Draining;
  /** Everything else that is set. @throws SettingError that names what cannot be right */
  settings(): ServerSettings;
  tenant(name: string): TenantApi;
  /** What a tenant's batches are checked and run by. */
  service(tenant: string): TenantSettings["service"];
  readonly blobs: Blobs;
  readonly platform: Platform;
  /** The model servers. @throws SettingError for one that cannot be called */
  readonly upstreams: Upstreams;
  /** Where the app says what it was asked, for the platform's log of this one call. */
  readonly exchange?: Exchange;
}

/** What is known of a call besides its answer. */
export interface Exchange {
  requestId?: string;
  tenant?: string;
  /** The pattern of the route, such as `/v1/batches/:id`. */
  route?: string;
  /** The batch that was made. */
  batch?: string;
}

/** Keys and their tenants, as the operator writes them. */
export interface KeyVariables {
  /** `name:sha256` pairs, separated by commas. */
  readonly API_KEYS?: string | undefined;
  /** `1` serves callers without a key. */
  readonly ALLOW_ANONYMOUS?: string | undefined;
}

/** The keys of a server's operator. */
export interface OperatorKeys {
  /** `name:sha256` pairs, separated by commas. */
  readonly pairs: string | undefined;
  /** Whether whoever can call may ask, where there are no pairs: this machine alone can. */
  readonly isOpen: boolean;
  /** How there come to be pairs, for those who are refused: a sentence. */
  readonly advice: string;
}

/** Whose a key is. */
export interface KeyOwner {
  /** The tenant. */
  readonly name: string;
  /** Models that callers with this key may name; undefined for any. */
  readonly models?: readonly string[] | undefined;
}

/** Keys that may come and go while the server runs. It knows their hashes alone. */
export interface KeyRing {
  /** Looked up by the SHA-256 of what a caller sent, in hex: how long that takes says nothing about any key. */
  find(sha256: string): KeyOwner | null;
  /** Tenants that have a key. */
  names(): string[];
  /** Models that the keys of a tenant may name, all together; undefined for any, as of a tenant that needs no key. */
  models(name: string): readonly string[] | undefined;
  /** Whether callers without a key are served. */
  readonly allowsAnonymous: boolean;
  /** How the operator of this server makes a key, or does without: a sentence, for callers that are refused. */
  readonly advice: string;
  /** The same for those who call from a page elsewhere. */
  readonly adviceForPages: string;
}

export interface ServerSettings {
  /** Whose error texts. */
  dialect: Dialect;
  /** Largest file of purpose `batch`. */
  maxFileBytes: number;
  /** Longest line of such a file, and so largest body of a call that answers at once. */
  maxLineBytes: number;
  /** Calls that a tenant may make a minute; infinite where nothing is set. */
  requestsPerMinute: number;
}

/** A setting that cannot be right. Every caller gets it as the error, as nothing can work before it is fixed. */
export class SettingError extends Error {
  override name = "SettingError";
}

/** What Web APIs alone have not. */
export interface Platform {
  /** A stream that passes on `length` bytes, so that an answer made of it can say its length. */
  fixedLength(length: number): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> };
  md5(content: ReadableStream<Uint8Array>): Promise<Uint8Array>;
}

/** Bytes of files, in objects that are written whole and never changed: S3's shape, and R2's, and that of a folder. */
export interface Blobs {
  /** Bytes of an object, fewer where it ends, none past its end; null when there is none. */
  read(key: string, offset: number, length: number): Promise<Uint8Array | null>;
  /** The same as a stream, with the size of the whole object. */
  open(
    key: string,
    offset: number,
    length: number,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | null>;
  /**
   * Writes an object, which is visible, or replaced, once it is complete. `began` is called with a write in parts before the
   * first of them goes: a writer that was cut off leaves them to be found by {@link discard}.
   */
  write(key: string, began: (uploadId: string) => Promise<void>): BlobWriter;
  /** Deletes objects, at most 1,000. No error for those that are not there. */
  delete(keys: string[]): Promise<void>;
  /** Throws away the parts of a write. No error when it was completed, or thrown away before. */
  discard(key: string, uploadId: string): Promise<void>;
}

export interface BlobWriter {
  /** Bytes written so far. */
  readonly size: number;
  /** Appends. The bytes may be reused once the promise resolves. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes the object visible. Gives its size. */
  complete(): Promise<number>;
  abort(): Promise<void>;
}

/** What one tenant's service needs. */
export interface TenantPorts {
  readonly name: string;
  /** The tenant's records, with `caps.checks`. */
  readonly kv: KV;
  readonly blobs: Blobs;
  readonly runs: Runs;
  readonly settings: TenantSettings;
  readonly alarm: Alarm;
  readonly sendWebhook: SendWebhook;
  /** Work that nothing waits for; the platform keeps it alive until it ends. */
  background(work: Promise<unknown>): void;
}

export interface TenantSettings {
  /** Options of the service, and the model server. */
  readonly service: Omit<BatchesOptions, "kv" | "files">;
  readonly quotas: Quotas;
  /** Whether no key has this tenant's name any more: its batches are paused until one has. */
  isRevoked(): boolean;
  /** Since when the whole server drains, in Unix seconds; null when it does not. Absent is never. */
  drainedSince?(): number | null;
  /** Whether webhooks may go to private addresses, and by http:// to this machine. Absent is no. */
  readonly webhookAllowPrivate?: boolean;
  /** Whether other processes serve the same tenants at the same time. Absent is no. */
  readonly isShared?: boolean;
}

/** What one tenant may keep and queue; infinite where nothing is set. */
export interface Quotas {
  files: number;
  storedBytes: number;
  queuedBatches: number;
  /** Requests of batches that have not ended, which have no result yet. */
  queuedRequests: number;
}

/** Which Runner a batch has: its generation, and the newest known turn. */
export interface Seat {
  generation: number;
  turn: number;
}

/** What runs the batches, each in an object of its own. Every call is idempotent. */
export interface Runs {
  start(batchId: string, seat: Seat): Promise<void>;
  /** A turn under way sees it within a second. */
  cancel(batchId: string, seat: Seat): Promise<void>;
  /** A turn under way is to look at once what the user wishes; absent where it does so by itself within a second. */
  wished?(batchId: string, seat: Seat): Promise<void>;
  /** Pauses the batch until it is started again. */
  hold(batchId: string, seat: Seat): Promise<void>;
  /** Whether it runs here, or waits for another process that runs it; absent where there is no other. */
  has?(batchId: string): boolean;
  /** What only a batch's run reads; absent where it is among the tenant's records. */
  readonly records?: RunRecords;
  /** Finished lines of a batch that runs; absent where they are among the tenant's records. */
  results?(batchId: string, seat: Seat, params: BatchResultsParams): Promise<BatchResults>;
}

/** What only a batch's run reads, and its Runner keeps. */
export interface RunRecords {
  /** Whether no turn of it is under way. */
  isQuiet(batchId: string, seat: Seat): Promise<boolean>;
  get(batchId: string, seat: Seat, key: string): Promise<Uint8Array | null>;
  list(batchId: string, seat: Seat, query: KVQuery): Promise<KVPage>;
  write(batchId: string, seat: Seat, ops: KVOp[]): Promise<void>;
}

/** The one time at which the tenant's `alarm` is called, also after a restart. Unix milliseconds. */
export interface Alarm {
  get(): Promise<number | null>;
  set(time: number): Promise<void>;
}
