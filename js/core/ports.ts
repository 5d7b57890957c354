/**
 * What a host supplies. The same nouns as the Rust core.
 *
 * Adapters never retry, order or decide: they say what happened. A missing file is `null` or a
 * {@link ResourceNotFoundError}; any other rejection is taken for a passing fault and tried again.
 */

import type { FileObject } from "./wire.ts";

/** One write of {@link KV.batch}. */
export type KVOp = { type: "set"; key: string; value: Uint8Array } | { type: "delete"; key: string };

/** What {@link KV.batch} looks at before it writes: whether a key has exactly this value; with null, whether it is absent. */
export interface KVCheck {
  key: string;
  value: Uint8Array | null;
}

/** What {@link KV.list} is asked for. */
export interface KVQuery {
  /** How each key starts. */
  prefix: string;
  /** The page begins after this key, in its direction. It need not exist. */
  after?: string;
  /** Default 1,000, which is also the most an adapter need return. */
  limit?: number;
  /** Whether keys come in descending order. */
  reverse?: boolean;
  /** Nobody looks at the values, which may be empty: an adapter that need not read them saves that. */
  keys?: boolean;
}

/** What {@link KV.list} gives. */
export interface KVPage {
  /** In the order of the keys' UTF-8 bytes, or its reverse. */
  entries: [key: string, value: Uint8Array][];
  /** Whether entries follow. */
  more: boolean;
}

/** What {@link KV.lock} gives. */
export interface StoreLock {
  /** Lets another service run the batches. No error when that has been done already. */
  release(): Promise<void>;
}

/** A key-value store whose keys are ordered by their UTF-8 bytes. */
export interface KV {
  /** The value, or null. */
  get(key: string): Promise<Uint8Array | null>;
  /** Durable once the promise resolves. */
  set(key: string, value: Uint8Array): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  /** The entries whose key starts with a prefix, a page at a time. */
  list(query: KVQuery): Promise<KVPage>;
  /**
   * Carries out all writes or none, in order, and with `checks` only if each of them holds before the first write; no other
   * write comes between. True once everything is durable; false when a check failed, and then nothing was written. Present
   * exactly when `caps.atomic`; called with checks only when `caps.checks`.
   */
  batch?(ops: KVOp[], checks?: KVCheck[]): Promise<boolean>;
  /**
   * Claims the running of this store's batches until it is released or the process ends, however it ends. Rejects with a
   * `StoreInUseError` while anyone else holds it, in this process or another. Reads and writes need no claim. A store
   * without this is guarded within the process alone: that no other runs its batches is then the caller's to see to.
   */
  lock?(): Promise<StoreLock>;
  readonly caps: {
    /** Whether a read sees every write acknowledged before it. */
    consistency: "strong" | "eventual";
    /** Whether `batch` exists and is all or nothing. */
    atomic: boolean;
    /** Whether `batch` takes checks, whoever else writes to the store. Absent is no. */
    checks?: boolean;
    /** Whether `list` with `keys` leaves the values unread. Absent is no. */
    keys?: boolean;
    /** Largest value in bytes. At least 2,000,000. */
    maxValue: number;
  };
}

/** Where the bytes of a new file go. Nothing is visible before `complete` resolves. */
export interface FileWriter {
  /** Appends. The bytes are not used after the promise resolves, and may be reused by the caller then. */
  write(part: Uint8Array): Promise<void>;
  complete(): Promise<FileObject>;
  /** Throws the file away. No error if there is nothing to throw away. What was kept of it stays. */
  abort(): Promise<void>;
  /**
   * Keeps what was written so far, beyond the end of the process; nothing is visible yet, and writing goes on. Gives what
   * {@link Files.resume} needs, in less than a mebibyte. Present exactly when the store has `resume`.
   */
  keep?(): Promise<string>;
}

export interface Files {
  /** What is known of a file, or null when there is none. For its `holder` a deleted file is still there. */
  retrieve(id: string, holder?: string): Promise<FileObject | null>;
  /**
   * Bytes `offset` to `offset + length`, fewer only where the file ends (none at or past its end).
   * Rejects with {@link ResourceNotFoundError} when there is no such file; `holder` as with `retrieve`.
   */
  read(id: string, offset: number, length: number, holder?: string): Promise<Uint8Array>;
  /**
   * Starts a file. With `id`, the file gets that id, and completing it again replaces what an earlier,
   * interrupted attempt left: that is how a restart leaves no second output file behind.
   */
  create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter>;
  /**
   * Starts a file with what {@link FileWriter.keep} kept of it. Rejects with {@link ResourceNotFoundError} when that is not there
   * any more. A store with `resume` and `keepBytes` lets the output of a batch be written by several turns: one that is cut
   * off, as when a platform ends it, has not written it for nothing.
   */
  resume?(options: { filename: string; purpose: string; id: string }, kept: string): Promise<FileWriter>;
  /** After how many bytes files are to be kept while they are written. Absent is never. */
  readonly keepBytes?: number;
  /**
   * Keeps the bytes of a file for `holder`, the id of a batch, until it releases them: deleted meanwhile, the file is gone
   * for everyone else. Durable where files are. Says whether it is held; not when there is no such file, or none any more.
   * A store that has `hold` and `release` lets users delete the input of a batch while it runs.
   */
  hold?(id: string, holder: string): Promise<boolean>;
  /** The holder is done. The bytes of a deleted file go with its last holder. No error where nothing is held. */
  release?(id: string, holder: string): Promise<void>;
}

/** One request for the model. */
export interface InferenceRequest {
  /** The endpoint's path, such as `/v1/chat/completions`. */
  url: string;
  /** The JSON body, byte for byte as in the input file. */
  body: Uint8Array;
  /** The same for every try of the same line of the same batch, across restarts. */
  idempotencyKey: string;
  /** Further headers to send, such as those of a trace. The core sends none. */
  headers?: Record<string, string>;
  /** Which {@link Models.pool} the request's model is in; absent where all are in one. */
  pool?: string;
}

/** The model server's answer, whatever its status. */
export interface InferenceResponse {
  /** HTTP status. */
  status: number;
  /** The JSON body, byte for byte. */
  body: Uint8Array;
  requestId?: string;
  /** What `Retry-After` or `Retry-After-Ms` said, in milliseconds. */
  retryAfterMs?: number;
}

export interface Inference {
  /**
   * Resolves for every answer of the server, 500s included. Rejects when there was none: with an error named
   * `TimeoutError` when time ran out, `ResponseTooLargeError` when the answer is larger than is taken, `RedirectError`
   * when the server sends everyone elsewhere, `NotSentError` when nothing was sent, as others had to be served first (it is
   * no try then, and asked for again), with anything else for a connection failure. Stops when `signal` aborts.
   */
  infer(request: InferenceRequest, signal: AbortSignal): Promise<InferenceResponse>;
  /**
   * Requests of a pool that this batch may have in flight now, within `maxConcurrentRequestsPerBatch`. Asked again and again
   * while it runs: what is above a new and lower number is let end. Absent is as many as are set.
   */
  allowance?(pool: string): number;
}

export interface Models {
  /**
   * Whether the model may be used in a batch. Asked once per distinct model of a file. A rejection with
   * {@link ResourceNotFoundError} is taken for a no.
   */
  has(model: string): Promise<boolean>;
  /**
   * Which pool of model servers answers a model's requests: a batch is run on each pool at that one's own pace. The same name
   * for every request that the same servers answer; absent, all are in one pool.
   */
  pool?(model: string): string;
}

/** The adapters of one service. */
export interface Adapters {
  kv: KV;
  files: Files;
  inference: Inference;
  models: Models;
}
