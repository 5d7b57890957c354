/** Makes of a user's adapters the one object that the Rust core calls. */

import { release } from "./bytes.ts";
import { InvalidRequestError, messageOf } from "./errors.ts";
import { Inputs } from "./inputs.ts";
import { random64 } from "./random.ts";
import type { Adapters, FileObject, FileWriter, InferenceResponse, KVOp, KVPage } from "./types.ts";
import type { CoreHost } from "./wasm.ts";

/** What each adapter must be able to do. */
const functions: { [Port in keyof Adapters]: (keyof Adapters[Port])[] } = {
  kv: ["get", "set", "delete", "list"],
  files: ["retrieve", "read", "create"],
  inference: ["infer"],
  models: ["has"],
};

/** @throws InvalidRequestError that names the adapters, or the functions of one, that are missing. */
export function checkAdapters(adapters: Partial<Adapters>): void {
  const refuse = (param: string, message: string) => {
    throw new InvalidRequestError(message, { param, code: "missing_adapter" });
  };
  const ports = Object.keys(functions) as (keyof Adapters)[];
  const missing = ports.filter((port) => adapters[port] === undefined || adapters[port] === null);
  if (missing[0] !== undefined)
    refuse(missing[0], `Batches needs ${ports.join(", ")}: missing ${missing.join(", ")}.`);
  for (const port of ports) {
    const adapter = Object(adapters[port]);
    const lacking = functions[port].filter((name) => typeof Reflect.get(adapter, name) !== "function");
    if (lacking.length > 0) refuse(port, `The adapter '${port}' of Batches has no ${lacking.join(", ")}.`);
  }
  if (typeof adapters.kv?.caps?.maxValue !== "number")
    refuse("kv", "The adapter 'kv' of Batches has no caps.");
}

/** How long after a failure what is held is looked at again. */
const SWEEP_AGAIN_MS = 1_000;

/** Entries asked for when the core names no smaller number. */
const maxPage = 1_000;
/** Entries asked for at once of an adapter that reads values which nobody looks at: they may be results of a mebibyte. */
const fewValues = 16;

/** The core's view of one service, and the switch to stop it. */
export class HostBinding implements CoreHost {
  readonly #adapters: Adapters;
  readonly #clock: () => number;
  readonly #inputs: Inputs;
  readonly #onFault: (text: string) => void;
  /** When to look for what is left held. */
  #sweepAt = Number.NEGATIVE_INFINITY;
  #sweeping: Promise<void> = Promise.resolve();
  #stopping = false;
  #wakers = new Set<() => void>();

  /** `onFault` is called with what cannot continue for now, in a sentence. */
  constructor(
    adapters: Adapters,
    onFault: (text: string) => void = () => {},
    clock: () => number = Date.now,
  ) {
    this.#adapters = adapters;
    this.#inputs = new Inputs(adapters.kv, adapters.files);
    this.#onFault = onFault;
    this.#clock = clock;
  }

  /** Ends every `idle` at once: there may be something to do. */
  wake(): void {
    for (const waker of [...this.#wakers]) waker();
  }

  /** Turns under way finish what is in flight and end; `serve` resolves after them. */
  stop(): void {
    this.#stopping = true;
    this.wake();
  }

  /** Lets a stopped binding serve again. */
  resume(): void {
    this.#stopping = false;
  }

  /** Finds what is left held for no batch, if it is time to look. What fails is tried again in a later round. */
  sweep(): Promise<void> {
    const now = this.#clock();
    if (now < this.#sweepAt) return this.#sweeping;
    this.#sweepAt = now + SWEEP_AGAIN_MS;
    this.#sweeping = this.#inputs.sweep(now).then(
      (next) => {
        this.#sweepAt = next;
      },
      (error) => this.#notReleased(error),
    );
    return this.#sweeping;
  }

  /** Resolves once no sweep is under way. */
  swept(): Promise<void> {
    return this.#sweeping;
  }

  #notReleased(error: unknown): void {
    this.#sweepAt = this.#clock() + SWEEP_AGAIN_MS;
    this.#onFault(`edgebatch: inputs of ended batches cannot be released for now: ${messageOf(error)}`);
  }

  faulted(id: string | undefined, message: string): void {
    const what = id === undefined ? "batches cannot" : `batch ${id} cannot`;
    this.#onFault(`edgebatch: ${what} continue for now: ${message}`);
  }

  now(): number {
    return this.#clock();
  }

  random(): bigint {
    return random64();
  }

  sleep(ms: number): Promise<void> {
    // Lets others on: a timer would take a millisecond for it.
    if (ms === 0 && typeof setImmediate === "function")
      return new Promise((resolve) => setImmediate(resolve));
    // Beyond 2^31 - 1 ms a timer would fire at once.
    return new Promise((resolve) => setTimeout(resolve, Math.min(ms, 0x7fffffff)));
  }

  idle(ms: number): Promise<void> {
    if (!this.#stopping) this.sweep();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      // Waiting for work must not keep a Node process alive. Elsewhere a timer is a number.
      if (typeof timer === "object") timer.unref();
      this.#wakers.add(done);
      if (this.#stopping) done();
    });
  }

  stopRequested(): boolean {
    return this.#stopping;
  }

  // From here on each call is async, and looks at the shape of what an adapter gave: an adapter that throws at once, or
  // gives something else than it promised, is a rejection, which the core deals with. Within wasm it would be a trap.

  async kvGet(key: string): Promise<Uint8Array | null> {
    const value = (await this.#adapters.kv.get(key)) ?? null;
    return expect(
      value === null || ArrayBuffer.isView(value),
      value,
      "kv.get must give a Uint8Array or null",
    );
  }

  kvChecks(): boolean {
    const { kv } = this.#adapters;
    return kv.caps.checks === true && kv.batch !== undefined;
  }

  async kvWrite(
    keys: string[],
    values: (Uint8Array | null)[],
    checkKeys: string[],
    checkValues: (Uint8Array | null)[],
  ): Promise<boolean> {
    const { kv } = this.#adapters;
    const ops = keys.map((key, i): KVOp => {
      const value = values[i];
      return value ? { type: "set", key, value } : { type: "delete", key };
    });
    if (kv.batch && checkKeys.length > 0) {
      const checks = checkKeys.map((key, i) => ({ key, value: checkValues[i] ?? null }));
      const written = await kv.batch(ops, checks);
      return expect(typeof written === "boolean", written, "kv.batch with checks must give a boolean");
    }
    if (kv.batch && ops.length > 1) await kv.batch(ops);
    else {
      // Without atomic writes order is all there is; the core writes in an order that a crash cannot spoil.
      for (const op of ops) {
        if (op.type === "set") await kv.set(op.key, op.value);
        else await kv.delete(op.key);
      }
    }
    return true;
  }

  async holdInput(batch: string, fileId: string): Promise<void> {
    await this.#inputs.hold(batch, fileId);
  }

  async releaseInput(batch: string): Promise<void> {
    await this.#inputs.release(batch).catch((error) => this.#notReleased(error));
  }

  async kvList(
    prefix: string,
    after: string | undefined,
    limit: number,
    reverse: boolean,
    keys: boolean,
  ): Promise<KVPage> {
    const { kv } = this.#adapters;
    const most = keys && !kv.caps.keys ? fewValues : maxPage;
    const query = { prefix, limit: Math.min(limit, most), reverse, keys };
    const page = await kv.list(after === undefined ? query : { ...query, after });
    return expect(Array.isArray(page?.entries), page, "kv.list must give { entries, more }");
  }

  kvRead({ entries }: KVPage): void {
    // What a list gives is the caller's, and a batch's results are many bytes in few arrays.
    for (const [, value] of entries) release(value);
  }

  async findFile(id: string, batch: string | undefined): Promise<FileObject | null> {
    if (batch !== undefined) await this.#inputs.hold(batch, id);
    const file = (await this.#adapters.files.retrieve(id, batch)) ?? null;
    return expect(file === null || isFile(file), file, "files.retrieve must give a file object or null");
  }

  async readFile(id: string, offset: number, length: number, batch: string | undefined): Promise<Uint8Array> {
    if (batch !== undefined) await this.#inputs.hold(batch, id);
    const bytes = await this.#adapters.files.read(id, offset, length, batch);
    return expect(ArrayBuffer.isView(bytes), bytes, "files.read must give a Uint8Array");
  }

  async createFile(id: string, filename: string): Promise<FileWriter> {
    return guarded(await this.#adapters.files.create({ filename, purpose: "batch_output", id }));
  }

  keepBytes(): number | undefined {
    const { resume, keepBytes } = this.#adapters.files;
    return typeof resume === "function" && Number(keepBytes) > 0 ? Number(keepBytes) : undefined;
  }

  async resumeFile(id: string, filename: string, kept: string): Promise<FileWriter> {
    const options = { filename, purpose: "batch_output", id };
    const writer = await this.#adapters.files.resume?.(options, kept);
    return guarded(expect(writer !== undefined, writer as FileWriter, "files.resume must give a writer"));
  }

  async infer(
    url: string,
    body: Uint8Array,
    idempotencyKey: string,
    pool: string | undefined,
    signal: AbortSignal,
  ): Promise<InferenceResponse> {
    const request = { url, body, idempotencyKey, ...(pool !== undefined && { pool }) };
    const answer = await this.#adapters.inference.infer(request, signal);
    const { status, body: bytes, requestId, retryAfterMs } = answer ?? {};
    const right =
      Number.isInteger(status) &&
      ArrayBuffer.isView(bytes) &&
      typeof (requestId ?? "") === "string" &&
      typeof (retryAfterMs ?? 0) === "number";
    if (right) return answer;
    // It would give the same again: the line ends with this, and not the run.
    const message = "inference.infer must give { status, body, requestId?, retryAfterMs? }";
    throw Object.assign(new TypeError(message), { name: "InvalidAnswerError" });
  }

  // The next three are asked in the middle of the core's work: what is thrown there counts as no answer.

  hasPools(): boolean {
    return typeof this.#adapters.models.pool === "function";
  }

  pool(model: string): string {
    try {
      return String(this.#adapters.models.pool?.(model) ?? "");
    } catch (error) {
      this.#onFault(`edgebatch: the adapter 'models' names no pool: ${messageOf(error)}`);
      return "";
    }
  }

  allowance(pool: string | undefined): number | undefined {
    const { inference } = this.#adapters;
    if (inference.allowance === undefined) return undefined;
    try {
      const allowed = inference.allowance(pool ?? "");
      return allowed < MAX_U32 ? Math.max(Math.floor(allowed), 0) : undefined;
    } catch (error) {
      this.#onFault(`edgebatch: the adapter 'inference' allows nothing for now: ${messageOf(error)}`);
      return 0;
    }
  }

  async hasModel(model: string): Promise<boolean> {
    return this.#adapters.models.has(model);
  }
}

/** Above it a number is none of calls. */
const MAX_U32 = 0xffffffff;

function expect<T>(holds: boolean, value: T, message: string): T {
  if (!holds) throw new TypeError(message);
  return value;
}

function isFile(file: FileObject): boolean {
  return typeof file?.id === "string" && typeof file.bytes === "number";
}

/** A user's writer, whose answers are looked at. */
function guarded(writer: FileWriter): FileWriter {
  return {
    write: async (part) => {
      await writer.write(part);
      // A copy made for this call. Large ones alone would be collected late: next to them few objects are made.
      release(part);
    },
    complete: async () => {
      const file = await writer.complete();
      return expect(isFile(file), file, "complete must give a file object");
    },
    abort: async () => writer.abort(),
    keep: async () => {
      const kept = await writer.keep?.();
      return expect(typeof kept === "string", kept as string, "keep must give a string");
    },
  };
}
