/** The service: the calls of the Batches API and a run in the background, over a user's adapters. */

import { checkAdapters, HostBinding } from "./binding.ts";
import { Claim } from "./claim.ts";
import { StoreInUseError } from "./errors.ts";
import { Moves } from "./moving.ts";
import { checkNames, checkType, type NamesOf, namesFrom } from "./options.ts";
import type { BatchRequest, Report, TurnEnd } from "./reports.ts";
import { cursorAfter } from "./results.ts";
import { defaults, isTerminal } from "./rules.ts";
import type { ServiceSettings } from "./settings.ts";
import type {
  Adapters,
  Batch,
  BatchCreateParams,
  BatchList,
  BatchListParams,
  BatchManifest,
  BatchResults,
  BatchResultsParams,
  ImportedBatch,
  KV,
} from "./types.ts";
import {
  guarded,
  type InputReader,
  type Kept,
  keptService,
  keptTurns,
  running,
  type Service,
  type Turns,
} from "./wasm.ts";

/** Options of {@link Batches}: the adapters, and what may be set. */
export interface BatchesOptions extends Adapters, ServiceSettings {
  /**
   * Whether batches run in the background of this process: those created here, and those an earlier process left
   * unfinished. Default true. Services of any number of processes share the batches of a store whose `caps` have `checks`:
   * each batch has one owner at a time. Any other store has its batches run by one service: a second one gets a
   * `StoreInUseError`, and may still create, read and cancel batches.
   */
  autostart?: boolean;
  /**
   * Called when the background run ends by itself: another service runs this store, or something is broken;
   * {@link Batches.served} rejects with the same error. Called too, at most once a minute for the same text, when a batch
   * cannot continue for now, as its store refuses a write or holds what cannot be read: it is tried again. Default: to `console.error`.
   */
  onError?: (error: unknown) => void;
}

/** Every option, so that one that is misspelt is found. */
const names: NamesOf<BatchesOptions> = {
  ...namesFrom(defaults),
  // Its members are names of models.
  prices: true,
  ...{ kv: true, files: true, inference: true, models: true, autostart: true, onError: true },
};

/** What {@link Batches.validateInput} found, and the good requests to walk through. */
export interface InputValidation extends Report {
  /** Each good request, read again from the file as it is walked: constant memory. */
  requests: AsyncIterable<BatchRequest>;
}

/** OpenAI's Batches API over a key-value store, files and a model of your own. */
export class Batches {
  readonly #host: HostBinding;
  readonly #service: Kept<Service>;
  readonly #turns: Kept<Turns>;
  readonly #claim: Claim;
  readonly #onError: (error: unknown) => void;
  readonly #moves: Moves;
  #creating: Promise<unknown> = Promise.resolve();
  #serving: Promise<void> | undefined;
  /** How the last background run ended. */
  #served: Promise<void> = Promise.resolve();
  /** Passing faults that were reported, and when. */
  readonly #reported = new Map<string, number>();
  /** What is broken here, since that run ended by it. */
  #fault: { error: unknown } | undefined;

  /** @throws InvalidRequestError that names the option at fault. */
  constructor(options: BatchesOptions) {
    checkNames(options, names, "Batches");
    const { kv, files, inference, models, autostart = true, onError = logged, ...settings } = options;
    checkAdapters({ kv, files, inference, models });
    checkCaps(kv);
    checkType("autostart", autostart, "boolean");
    checkType("onError", onError, "function");
    this.#service = keptService(settings);
    this.#turns = keptTurns(settings);
    this.#host = new HostBinding({ kv, files, inference, models }, (text) => this.#faulted(text));
    this.#claim = new Claim(kv);
    this.#onError = onError;
    this.#moves = new Moves(this.#host, files, this.#service);
    if (autostart) this.start();
  }

  /**
   * Creates a batch over a file, which is not looked at before validation.
   * @throws InvalidRequestError for bad parameters, ConflictError for an idempotency key used otherwise.
   */
  create(params: BatchCreateParams): Promise<Batch> {
    // Nothing at all is an object without members: the first that is missing is named.
    const create = async () => guarded(this.#service.get().create(this.#host, params ?? {}));
    // Where the store takes no checks, one at a time: of two calls with the same idempotency key, the second must find what
    // the first wrote.
    const created = this.#host.kvChecks() ? create() : this.#creating.then(create);
    this.#creating = created.catch(() => {});
    return created.finally(() => this.#host.wake());
  }

  /** The batch as it stands. @throws ResourceNotFoundError */
  async retrieve(id: string): Promise<Batch> {
    checkType("id", id, "string");
    const [batch] = await guarded(this.#service.get().retrieve(this.#host, id, false));
    return batch;
  }

  /**
   * Asks for a batch to be cancelled; what ran already is kept in its files.
   * @throws ResourceNotFoundError, ConflictError when it has completed, failed or expired.
   */
  cancel(id: string): Promise<Batch> {
    return this.#ask(id, "cancel");
  }

  /**
   * Pauses a batch: what is in flight ends, and nothing new starts before {@link resume}, also after a restart. Its run sees it
   * within a second; its window goes on closing.
   * @throws ResourceNotFoundError, ConflictError when it has nothing left to start.
   */
  pause(id: string): Promise<Batch> {
    return this.#ask(id, "pause");
  }

  /** Lets a paused batch go on. @throws ResourceNotFoundError, ConflictError when it has ended. */
  resume(id: string): Promise<Batch> {
    return this.#ask(id, "resume");
  }

  async #ask(id: string, asked: "cancel" | "pause" | "resume"): Promise<Batch> {
    checkType("id", id, "string");
    return guarded(this.#service.get().ask(this.#host, id, asked)).finally(() => this.#host.wake());
  }

  /**
   * A batch that runs or waits as a stream, for {@link importBatch} of another host. Before it resolves the batch is fenced: calls
   * in flight end, and nothing of it starts here any more, also after a restart, until it is settled or taken back. It may be
   * exported again until then, and gives the same stream. A store without `checks` has its other batches wait meanwhile.
   * @throws ResourceNotFoundError; ConflictError when it has ended or is about to, and `batch_in_flight` when its calls take
   * longer than 20 seconds: ask again.
   */
  async exportBatch(id: string): Promise<ReadableStream<Uint8Array>> {
    checkType("id", id, "string");
    return this.#alone(() => this.#moves.export(id));
  }

  /**
   * Takes a batch over that another host has exported: it goes on here, by the same id. What is cut off or damaged is refused and
   * leaves nothing behind; the same stream again gives the same batch. Then `fence` is for {@link settleExport} of the other.
   * @throws InvalidRequestError for what is no such stream, or not taken here; ConflictError when there is another batch of this id.
   */
  async importBatch(stream: AsyncIterable<Uint8Array>): Promise<ImportedBatch> {
    const { id, fence } = await this.#moves.import(stream).finally(() => this.#host.wake());
    return { object: "edgebatch.import", fence, batch: await this.retrieve(id) };
  }

  /** Clears away what imports have left that were cut off over ten minutes ago. {@link start} and each import do it too. */
  sweepImports(): Promise<void> {
    return this.#moves.sweep();
  }

  /**
   * Lets a batch go that another host has imported: it ends here as `cancelled`, with `edgebatch.moved_at` and without files.
   * @throws ResourceNotFoundError, ConflictError when it was not exported behind this fence, or taken back.
   */
  async settleExport(id: string, fence: string): Promise<Batch> {
    await this.#moves.settle(id, fence).finally(() => this.#host.wake());
    return this.retrieve(id);
  }

  /**
   * Takes an exported batch back, and goes on with it here. If another host has imported it, **both run it**: so `force` says that
   * none has. @throws ResourceNotFoundError, ConflictError when it was not exported, or is settled.
   */
  async abortExport(id: string, options: { force: true }): Promise<Batch> {
    await this.#moves.takeBack(id, options).finally(() => this.#host.wake());
    return this.retrieve(id);
  }

  /** Does something while no turn of this service is under way, where only this service can see to that. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#host.kvChecks()) return work();
    const isServing = this.#serving !== undefined;
    if (isServing) await this.stop();
    try {
      return await this.#claim.during(work);
    } finally {
      if (isServing) this.start();
    }
  }

  /** A page of batches, newest first; `after` is the last id of the page before. @throws InvalidRequestError */
  async list(params: BatchListParams = {}): Promise<BatchList> {
    checkType("params", params, "object");
    return guarded(this.#service.get().list(this.#host, params));
  }

  /**
   * Finished lines of a batch, a page at a time, while it runs and after: in the order in which they came, or, where nobody
   * asked before it ended, as its files have them. Each line comes once, however often processes die. Who asks before the
   * batch has ended makes it write one more file, with all lines in that order.
   * @throws InvalidRequestError, ResourceNotFoundError, ConflictError when the order that `after` is of is lost.
   */
  async results(id: string, params: BatchResultsParams = {}): Promise<BatchResults> {
    checkType("id", id, "string");
    checkType("params", params, "object");
    const page = await guarded(this.#service.get().results(this.#host, id, params));
    const [lines, order, offset, incomplete] = page;
    const from = `${order}${offset}`;
    return { lines, from, last: cursorAfter(from, lines.length), incomplete };
  }

  /**
   * What a batch that has ended read and wrote, line by line and by SHA-256, and how often the model server was called for it.
   * @throws ResourceNotFoundError, ConflictError when it has not ended.
   */
  async manifest(id: string): Promise<BatchManifest> {
    checkType("id", id, "string");
    const [, manifest] = await guarded(this.#service.get().retrieve(this.#host, id, true));
    return manifest as BatchManifest;
  }

  /**
   * Checks a stored file as a batch over it would, one that is to `split` it where that is said: every error of it (the first
   * 1,000 kept), and its good requests. A missing file is an error in the result.
   */
  async validateInput(input: {
    input_file_id: string;
    endpoint: string;
    split?: boolean;
  }): Promise<InputValidation> {
    const { input_file_id, endpoint, split = false } = input ?? {};
    checkType("input_file_id", input_file_id, "string");
    checkType("endpoint", endpoint, "string");
    checkType("split", split, "boolean");
    const open = () => this.#service.get().openInput(this.#host, input_file_id, endpoint, split);
    const reader = open();
    try {
      let report: Report | null = null;
      while (!report) [, report] = await guarded(reader.next(false));
      return { ...report, requests: { [Symbol.asyncIterator]: () => walk(open()) } };
    } finally {
      reader.free();
    }
  }

  /**
   * Runs batches in the background, if it does not already. What ends that run by itself, such as a `StoreInUseError`,
   * goes to `onError` and to {@link served}; it may be started again then.
   */
  start(): void {
    this.#host.resume();
    if (this.#serving) return;
    this.#fault = undefined;
    const serving = this.#claim.during(async () => {
      await this.#host.sweep();
      await this.#moves.sweepQuietly();
      await running(this.#turns, (turns) => turns.serve(this.#host)).finally(() => this.#host.swept());
    });
    this.#served = serving;
    this.#serving = serving
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#serving = undefined;
      });
  }

  /**
   * Stops the background run: nothing new starts, what is in flight ends and is stored. A later `start`, here or
   * in another process, resumes from there.
   */
  async stop(): Promise<void> {
    this.#host.stop();
    await this.#serving;
  }

  /**
   * Resolves once the background run has been stopped, at once when there is none. Rejects with what ended it by
   * itself: a `StoreInUseError`, or a fault.
   */
  async served(): Promise<void> {
    await this.#served;
  }

  /**
   * Runs one turn of one batch in the foreground, until it ends or `deadline` (Unix milliseconds) passes. For hosts
   * that give out time in slices; not beside `start`. Rejects with a `StoreInUseError` while another service runs
   * the store.
   */
  async runTurn(id: string, options: { deadline?: number } = {}): Promise<TurnEnd> {
    checkType("id", id, "string");
    return this.#claim.during(async () => {
      await this.#host.sweep();
      return running(this.#turns, (turns) => turns.runTurn(this.#host, id, options.deadline));
    });
  }

  /**
   * Which of the store's unfinished batches are to start now. For hosts that run each batch in a place of its own, by
   * {@link runTurn}, and keep in the store's who runs, and who rests until when (Unix milliseconds).
   */
  async admit(queue: { running: string[]; resting: [id: string, wakeAt: number][] }): Promise<string[]> {
    const resting = queue.resting.map(([id]) => id);
    const wakeAt = Float64Array.from(queue.resting, ([, at]) => at);
    return guarded(this.#service.get().admit(this.#host, queue.running, resting, wakeAt));
  }

  /**
   * Waits until a batch is completed, failed, expired or cancelled, whoever runs it. `onProgress` is called whenever it
   * changed. Rejects when the run in the background of this service has ended by a fault.
   */
  async wait(
    id: string,
    options: { pollMs?: number; signal?: AbortSignal; onProgress?: (batch: Batch) => void } = {},
  ): Promise<Batch> {
    const { pollMs = 100, signal, onProgress } = options;
    let seen = "";
    for (;;) {
      signal?.throwIfAborted();
      if (this.#fault) throw this.#fault.error;
      const batch = await this.retrieve(id);
      const now = JSON.stringify(batch);
      if (now !== seen) onProgress?.(batch);
      seen = now;
      if (isTerminal[batch.status]) return batch;
      await this.#host.sleep(pollMs);
    }
  }

  #failed(error: unknown): void {
    // Where another service runs the store, its batches come to their ends all the same.
    if (!(error instanceof StoreInUseError)) this.#fault = { error };
    this.#tell(error);
  }

  #faulted(text: string): void {
    const now = Date.now();
    for (const [seen, at] of this.#reported)
      if (Math.abs(now - at) >= REPORT_AGAIN_MS) this.#reported.delete(seen);
    if (this.#reported.has(text)) return;
    this.#reported.set(text, now);
    // Not from within the core.
    queueMicrotask(() => this.#tell(new Error(text)));
  }

  #tell(error: unknown): void {
    try {
      this.#onError(error);
    } catch (second) {
      logged(second);
    }
  }
}

/** How long the same fault is not reported again. */
const REPORT_AGAIN_MS = 60_000;

function logged(error: unknown): void {
  console.error(error);
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

async function* walk(reader: InputReader): AsyncGenerator<BatchRequest> {
  try {
    for (;;) {
      const [requests, report] = await guarded(reader.next(true));
      for (const [line, custom_id, method, url, body] of requests)
        yield { line, custom_id, method, url, body };
      if (report) return;
    }
  } finally {
    reader.free();
  }
}
