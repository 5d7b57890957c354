/** The service: the four calls of the Batches API and a run in the background, over a user's adapters. */
import { type BatchRequest, core, guarded, isApiErrorFields, type Report, type TurnEnd } from "./core.ts";
import { apiError } from "./errors.ts";
import { type Adapters, HostBinding } from "./host.ts";
import { type CoreSettings, coreSettings, type ValidationOptions } from "./settings.ts";
import type { Batch, BatchCreateParams, BatchList, KV } from "./types.ts";

/** Options of {@link Batches}: the adapters, and what may be set. */
export interface BatchesOptions extends Adapters, ValidationOptions {
  /** Endpoints a batch may name. Default: `/v1/chat/completions` alone. */
  endpoints?: string[];
  /** Batches that run at once; the others wait as `validating`. Default 1. */
  maxConcurrentBatches?: number;
  /** Requests of one batch in flight at once. Default 10. */
  maxConcurrentRequestsPerBatch?: number;
  /** Tries of one request that count against it before its last answer is its result. Default 5. */
  maxAttempts?: number;
  /** Milliseconds one try may take. Default 600,000. */
  requestTimeoutMs?: number;
  /**
   * Whether batches run in the background of this process: those created here, and those an earlier process left
   * unfinished. Default true. At most one process may run the batches of a store at a time.
   */
  autostart?: boolean;
}

/** What {@link Batches.validateInput} found, and the good requests to walk through. */
export interface InputValidation extends Report {
  /** Each good request, read again from the file as it is walked: constant memory. */
  requests: AsyncIterable<BatchRequest>;
}

/** OpenAI's Batches API over a key-value store, files and a model of your own. */
export class Batches {
  readonly #host: HostBinding;
  readonly #settings: CoreSettings;
  #creating: Promise<unknown> = Promise.resolve();
  #serving: Promise<void> | undefined;

  constructor(options: BatchesOptions) {
    const { kv, files, inference, models, autostart = true, ...settings } = options;
    checkCaps(kv);
    this.#settings = coreSettings(settings);
    this.#host = new HostBinding({ kv, files, inference, models });
    if (autostart) this.start();
  }

  /**
   * Creates a batch over a file, which is not looked at before validation.
   * @throws InvalidRequestError for bad parameters, ConflictError for an idempotency key used otherwise.
   */
  create(params: BatchCreateParams): Promise<Batch> {
    // One at a time: of two calls with the same idempotency key, the second must find what the first wrote.
    const created = this.#creating.then(() =>
      translated(core().createBatch(this.#host, params, this.#settings)),
    );
    // The next one in the next millisecond: ids sort by creation to the millisecond, and so do lists.
    this.#creating = created.catch(() => {}).then(() => this.#host.sleep(1));
    return created.finally(() => this.#host.wake());
  }

  /** The batch as it stands. @throws ResourceNotFoundError */
  retrieve(id: string): Promise<Batch> {
    return translated(core().retrieveBatch(this.#host, id, this.#settings));
  }

  /**
   * Asks for a batch to be cancelled; what ran already is kept in its files.
   * @throws ResourceNotFoundError, ConflictError when it has completed, failed or expired.
   */
  cancel(id: string): Promise<Batch> {
    return translated(core().cancelBatch(this.#host, id, this.#settings)).finally(() => this.#host.wake());
  }

  /** A page of batches, newest first; `after` is the last id of the page before. @throws InvalidRequestError */
  list(params: { after?: string; limit?: number } = {}): Promise<BatchList> {
    return translated(core().listBatches(this.#host, defined(params)));
  }

  /**
   * Checks a stored file as a batch over it would: every error of it (the first 1,000 kept), and its good requests.
   * A missing file is an error in the result.
   */
  async validateInput(input: { input_file_id: string; endpoint: string }): Promise<InputValidation> {
    const open = () => {
      return new (core().InputReader)(this.#host, input.input_file_id, input.endpoint, this.#settings);
    };
    const reader = open();
    try {
      let report: Report | null = null;
      while (!report) ({ report } = await translated(reader.next(false)));
      return { ...report, requests: { [Symbol.asyncIterator]: () => walk(open()) } };
    } finally {
      reader.free();
    }
  }

  /** Runs batches in the background, if it does not already. */
  start(): void {
    this.#host.resume();
    this.#serving ??= guarded(core().serve(this.#host, this.#settings)).finally(() => {
      this.#serving = undefined;
    });
  }

  /**
   * Stops the background run: nothing new starts, what is in flight ends and is stored. A later `start`, here or
   * in another process, goes on from there.
   */
  async stop(): Promise<void> {
    this.#host.stop();
    await this.#serving;
  }

  /** Resolves once the background run has stopped, by {@link stop} or because of a fault; at once when there is none. */
  async served(): Promise<void> {
    await this.#serving;
  }

  /**
   * Runs one turn of one batch in the foreground, until it ends or `deadline` (Unix milliseconds) passes. For hosts
   * that give out time in slices; not beside `start`.
   */
  runTurn(id: string, options: { deadline?: number } = {}): Promise<TurnEnd> {
    return translated(core().runTurn(this.#host, id, this.#settings, options.deadline));
  }

  /** Waits until a batch is completed, failed, expired or cancelled. `onProgress` is told whenever it changed. */
  async wait(
    id: string,
    options: { pollMs?: number; signal?: AbortSignal; onProgress?: (batch: Batch) => void } = {},
  ): Promise<Batch> {
    const { pollMs = 100, signal, onProgress } = options;
    let seen = "";
    for (;;) {
      signal?.throwIfAborted();
      const batch = await this.retrieve(id);
      const now = JSON.stringify(batch);
      if (now !== seen) onProgress?.(batch);
      seen = now;
      if (["completed", "failed", "expired", "cancelled"].includes(batch.status)) return batch;
      await this.#host.sleep(pollMs);
    }
  }
}

/** Results are stored in groups of up to about a mebibyte; stale reads would let a batch run twice. */
function checkCaps(kv: KV): void {
  if (kv.caps.maxValue < 2_000_000) {
    throw new Error(
      `edgebatch: values of 2,000,000 bytes must fit the store; this one takes ${kv.caps.maxValue}`,
    );
  }
  if (kv.caps.consistency !== "strong") {
    console.warn(
      "edgebatch: this store may answer with stale values; a batch may then be lost or run twice. Use a consistent one.",
    );
  }
}

async function* walk(
  reader: InstanceType<ReturnType<typeof core>["InputReader"]>,
): AsyncGenerator<BatchRequest> {
  try {
    for (;;) {
      const { requests, report } = await translated(reader.next(true));
      yield* requests;
      if (report) return;
    }
  } finally {
    reader.free();
  }
}

/** The core throws an API error's fields; callers get the class that belongs to its status. */
async function translated<T>(call: Promise<T>): Promise<T> {
  try {
    return await guarded(call);
  } catch (thrown) {
    throw isApiErrorFields(thrown) ? apiError(thrown) : thrown;
  }
}

function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
