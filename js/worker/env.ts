/** Types of the platform, as far as they are used, and the Worker's bindings and settings. */

import type { R2BucketLike, R2MultipartUploadLike } from "../hosts/files/r2.ts";
import type { SqlDurableObjectStorage } from "../hosts/kv/durable-object.ts";
import type { LaneRpc, RunnerRpc, TenantRpc } from "./rpc.ts";

export interface DurableObjectState {
  readonly id: { readonly name?: string };
  readonly storage: DurableObjectStorage;
  waitUntil(promise: Promise<unknown>): void;
  /** Lets no call in until it is done. */
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
}

export interface DurableObjectStorage extends SqlDurableObjectStorage {
  getAlarm(): Promise<number | null>;
  setAlarm(time: number): Promise<void>;
  deleteAlarm(): Promise<void>;
  deleteAll(): Promise<void>;
  /** Resolves once what was written is durable. */
  sync(): Promise<void>;
}

/** The objects of one class. Calls through a stub always give promises, and copy what they carry. */
export interface DurableObjectNamespace<T> {
  getByName(name: string): Stub<T>;
}

export type Stub<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

export interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void;
}

export interface Bucket extends R2BucketLike {
  /** Without a look whether there is such an upload. */
  resumeMultipartUpload(key: string, uploadId: string): Pick<R2MultipartUploadLike, "abort">;
}

/** Bindings and settings, as wrangler.toml names them. */
export interface Env {
  FILES: Bucket;
  TENANTS: DurableObjectNamespace<TenantRpc>;
  RUNNERS: DurableObjectNamespace<RunnerRpc>;
  /** Absent where a deployment's own wrangler.toml is older: then Runners make all calls. */
  LANES?: DurableObjectNamespace<LaneRpc>;
  API_KEYS?: string;
  ALLOW_ANONYMOUS?: string;
  ADMIN_KEYS?: string;
  UPSTREAM_URL?: string;
  UPSTREAM_KEY?: string;
  UPSTREAM_STREAM?: string;
  ECHO_LATENCY_MS?: string;
  DIALECT?: string;
  ENDPOINTS?: string;
  MODELS?: string;
  MAX_CONCURRENT_BATCHES?: string;
  MAX_CONCURRENT_REQUESTS?: string;
  MAX_BYTES_IN_FLIGHT?: string;
  TURN_SUBREQUESTS?: string;
  REQUEST_TIMEOUT_MS?: string;
  MAX_ATTEMPTS?: string;
  ORDER?: string;
  PRICES?: string;
  MAX_FILE_BYTES?: string;
  MAX_REQUESTS?: string;
  MAX_PARTS?: string;
  MAX_LINE_BYTES?: string;
  MAX_RESPONSE_BYTES?: string;
  MAX_FILES?: string;
  MAX_STORED_BYTES?: string;
  MAX_QUEUED_BATCHES?: string;
  MAX_QUEUED_REQUESTS?: string;
  MAX_REQUESTS_PER_MINUTE?: string;
  WEBHOOK_ALLOW_PRIVATE?: string;
}
