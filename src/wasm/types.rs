//! The TypeScript types that no signature gives by itself: they go into the declarations of what is exported here.

use wasm_bindgen::prelude::*;

/// What users see of these types is in `js/core`: the declarations of the glue name types of the web that not every
/// user's TypeScript knows.
#[wasm_bindgen(typescript_custom_section)]
const IMPORTED: &str = r#"
import type { BatchRequest, Report, Statistics, TurnEnd } from "../core/reports.js";
import type { ServiceSettings, ValidatorOptions } from "../core/settings.js";
import type {
  Batch,
  BatchCreateParams,
  BatchError,
  BatchList,
  BatchListParams,
  BatchManifest,
  BatchResultsParams,
  FileObject,
  FileWriter,
  InferenceResponse,
} from "../core/types.js";
"#;

/// The imports of `host.rs`.
#[cfg(any(feature = "service", feature = "turns"))]
#[wasm_bindgen(typescript_custom_section)]
const HOST: &str = r#"
/** What a list gives. */
export interface KvEntries {
  entries: [string, Uint8Array][];
  more: boolean;
}

/** What the core calls: the user's adapters, a clock, randomness and timers. */
export interface CoreHost {
  now(): number;
  random(): bigint;
  sleep(ms: number): Promise<void>;
  idle(ms: number): Promise<void>;
  stopRequested(): boolean;
  /** A batch of `serve`, or with no id all of them, cannot continue for now. */
  faulted(id: string | undefined, message: string): void;
  /** Whether `kvWrite` takes checks: a null value says that the key is absent. */
  kvChecks(): boolean;
  kvGet(key: string): Promise<Uint8Array | null>;
  /** A null value deletes. */
  kvWrite(
    keys: string[],
    values: (Uint8Array | null)[],
    checkKeys: string[],
    checkValues: (Uint8Array | null)[],
  ): Promise<boolean>;
  kvList(
    prefix: string,
    after: string | undefined,
    limit: number,
    reverse: boolean,
    /** Nobody looks at the values. */
    keys: boolean,
  ): Promise<KvEntries>;
  /** The core has copied what a list gave. */
  kvRead(page: KvEntries): void;
  holdInput(batch: string, fileId: string): Promise<void>;
  releaseInput(batch: string): Promise<void>;
  findFile(id: string, batch: string | undefined): Promise<FileObject | null>;
  readFile(id: string, offset: number, length: number, batch: string | undefined): Promise<Uint8Array>;
  createFile(id: string, filename: string): Promise<FileWriter>;
  /** After how many bytes files are to be kept while they are written; undefined where they cannot be. */
  keepBytes(): number | undefined;
  resumeFile(id: string, filename: string, kept: string): Promise<FileWriter>;
  infer(
    url: string,
    body: Uint8Array,
    idempotencyKey: string,
    pool: string | undefined,
    signal: AbortSignal,
  ): Promise<InferenceResponse>;
  /** Whether `pool` tells models apart. */
  hasPools(): boolean;
  pool(model: string): string;
  /** Requests of a pool that the batch may have in flight now; undefined for as many as are set. */
  allowance(pool: string | undefined): number | undefined;
  hasModel(model: string): Promise<boolean>;
}
"#;

/// What crosses in a form of its own.
#[cfg(feature = "service")]
#[wasm_bindgen(typescript_custom_section)]
const CROSSING: &str = r#"
/** A good line of an input file, as it crosses the boundary. */
export type GoodLine = [
  line: BatchRequest["line"],
  custom_id: BatchRequest["custom_id"],
  method: BatchRequest["method"],
  url: BatchRequest["url"],
  body: BatchRequest["body"],
];
"#;
