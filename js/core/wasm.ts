/** The wasm build's exports with their types, and where they are kept once an entry has loaded them. */
import type { ApiErrorFields } from "./errors.ts";
import type { Batch, BatchError, BatchList, FileObject, FileWriter, InferenceResponse } from "./types.ts";

/** What the Rust core calls: the user's adapters, a clock, randomness and timers. Made in binding.ts. */
export interface CoreHost {
  now(): number;
  random(): bigint;
  sleep(ms: number): Promise<void>;
  idle(ms: number): Promise<void>;
  stopRequested(): boolean;
  /** A batch of `serve`, or with no id all of them, cannot go on for now. */
  faulted(id: string | undefined, message: string): void;
  kvGet(key: string): Promise<Uint8Array | null>;
  /** A null value deletes. */
  kvWrite(keys: string[], values: (Uint8Array | null)[]): Promise<void>;
  kvList(
    prefix: string,
    after: string | undefined,
    limit: number,
    reverse: boolean,
  ): Promise<{ entries: [string, Uint8Array][]; more: boolean }>;
  findFile(id: string, batch: string | undefined): Promise<FileObject | null>;
  readFile(id: string, offset: number, length: number, batch: string | undefined): Promise<Uint8Array>;
  createFile(id: string, filename: string): Promise<FileWriter>;
  infer(
    url: string,
    body: Uint8Array,
    idempotencyKey: string,
    signal: AbortSignal,
  ): Promise<InferenceResponse>;
  hasModel(model: string): Promise<boolean>;
}

/** What was found in an input file, so far or in all. */
export interface Report {
  /** The first errors, in line order; errors of the whole file come last. */
  errors: BatchError[];
  /** Errors found, kept or not. */
  errorCount: number;
  /** Lines that are not blank. */
  requestCount: number;
  /** Lines without errors. */
  validCount: number;
  /** Physical lines. */
  lineCount: number;
  bytes: number;
  /** The model, if all valid lines name the same. */
  model: string | null;
}

/** How often something was seen. */
export interface Tally {
  name: string;
  count: number;
}

/** What the requests of a file are like, good or not. */
export interface Statistics {
  /** Errors by code, kept or not, in order of first appearance. */
  codes: Tally[];
  /** Requests by the bytes of their lines: `sizes[c]` counts those of at least `sizeFrom(c)` and less than `sizeFrom(c + 1)`. */
  sizes: number[];
  /** The ten longest lines, longest first; bytes include the line end. */
  longest: { line: number; bytes: number }[];
  /** Requests by model, in order of first appearance: the first fifty models. */
  models: Tally[];
  /** Requests for any other model. */
  otherModels: number;
}

/** A good line of an input file. */
export interface BatchRequest {
  /** Physical line, 1-based. */
  line: number;
  custom_id: string;
  method: string;
  url: string;
  body: Record<string, unknown>;
}

/** How a turn ended: `wakeAt` (Unix milliseconds) is when to run the next. */
export interface TurnEnd {
  state: "terminal" | "suspended" | "faulted";
  wakeAt: number | null;
  message: string | null;
}

/** A queue of batches, as {@link Core.admitBatches} decides over it. Ids in order of creation; times in milliseconds. */
export interface BatchQueue {
  /** Batches that may run at once. */
  max: number;
  now: number;
  /** The oldest unfinished batches: at least as many as `max`, `running` and `resting` together, if there are. */
  oldest: string[];
  /** Those that are to be cancelled: they need no place. */
  cancelled: string[];
  running: string[];
  /** Those that wait for a time of their own, and leave their place to others until then. */
  resting: [id: string, wakeAt: number][];
}

interface CoreValidator {
  push(chunk: Uint8Array): void;
  finish(): Report;
  report(): Report;
  takeErrors(atMost: number): BatchError[];
  statistics(): Statistics | null;
  takeGoodLines(): Float64Array;
  free(): void;
}

/** A {@link BatchRequest} as it crosses the boundary. */
type GoodLine = [line: number, custom_id: string, method: string, url: string, body: Record<string, unknown>];

interface CoreInputReader {
  /** The good requests of one piece of the file, and the report once it is at its end. */
  next(collect: boolean): Promise<[requests: GoodLine[], report: Report | null]>;
  free(): void;
}

/** The exports of the wasm build. Settings are plain objects; errors are thrown as {@link ApiErrorFields}. */
export interface Core {
  /** Throws what is wrong with the options of a service. */
  checkSettings(settings: unknown): void;
  createBatch(host: CoreHost, params: unknown, settings: unknown): Promise<Batch>;
  retrieveBatch(host: CoreHost, id: string, settings: unknown): Promise<Batch>;
  cancelBatch(host: CoreHost, id: string, settings: unknown): Promise<Batch>;
  listBatches(host: CoreHost, params: unknown): Promise<BatchList>;
  serve(host: CoreHost, settings: unknown): Promise<void>;
  runTurn(host: CoreHost, id: string, settings: unknown, deadline: number | undefined): Promise<TurnEnd>;
  /** The batches that are to start now. */
  admitBatches(queue: BatchQueue): string[];
  Validator: new (
    endpoint: string,
    settings: unknown,
    key0: bigint,
    key1: bigint,
    statistics: boolean,
    goodLines: boolean,
  ) => CoreValidator;
  InputReader: new (host: CoreHost, fileId: string, endpoint: string, settings: unknown) => CoreInputReader;
  /** Says what a panic's message goes to. It is called from within the instance that panics. */
  onPanic(callback: (message: string) => void): void;
  /** Replaces the instance. Promises of the old one never settle, and its objects throw. */
  __wbg_reset_state(): void;
}

/** A defect: the core stopped in the middle of something. What is stored is not touched; what was under way is over. */
export class CorePanicError extends Error {
  override name = "CorePanicError";
}

let loaded: Core | undefined;
/** Calls under way: a panic ends them, as nothing else ever would. */
const pending = new Set<(error: CorePanicError) => void>();

/** Called by the entry of a platform once it has loaded the wasm. */
export function setCore(core: Core): void {
  loaded = core;
  core.onPanic(panicked);
}

/** The core. Importing the package's entry is what loads it. */
export function core(): Core {
  if (!loaded)
    throw new Error("edgebatch: the wasm core is not loaded; import the package's entry, not a file of it");
  return loaded;
}

/** A call of the core, which rejects when the core panics before it has settled. */
export function guarded<T>(call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    pending.add(reject);
    call.then(resolve, reject).finally(() => pending.delete(reject));
  });
}

/** The instance is of no use any more: its memory may be half written. The next call gets a fresh one. */
function panicked(message: string): void {
  const error = new CorePanicError(`edgebatch: the core stopped: ${message}`);
  // Not at once: the panicking instance is still on the stack.
  queueMicrotask(() => {
    loaded?.__wbg_reset_state();
    loaded?.onPanic(panicked);
    for (const reject of pending) reject(error);
    pending.clear();
  });
}

/** Whether something thrown by the core is an API error's fields rather than a defect. */
export function isApiErrorFields(thrown: unknown): thrown is ApiErrorFields {
  return typeof thrown === "object" && thrown !== null && "status" in thrown && !(thrown instanceof Error);
}
