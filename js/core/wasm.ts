/**
 * The core once an entry has loaded it, in its two parts: the check of files with the calls of the Batches API, and what runs
 * batches, which is loaded when the first is to run. Their types come from the crate, with the build.
 */

import type { Service } from "../wasm/edgebatch.js";
import type { Turns } from "../wasm/turns.js";
import { type ApiErrorFields, apiError, CorePanicError } from "./errors.ts";

export type { CoreHost, Exporter, Importer, InputReader, Service } from "../wasm/edgebatch.js";
export type { Turns } from "../wasm/turns.js";

/** The exports of the library's wasm. Errors are thrown as {@link ApiErrorFields}. */
export type Core = typeof import("../wasm/edgebatch.js");

/** The exports of the wasm that runs batches. */
export type TurnsCore = Pick<typeof import("../wasm/turns.js"), "Turns" | "onPanic" | "__wbg_reset_state">;

/** What checks files and lines: all that the page's wasm exports. */
export type ValidatorCore = Pick<Core, "Validator" | "explainLine" | "onPanic" | "__wbg_reset_state">;

/** A part of the core. A panic spoils its memory: calls under way end, and the next get a fresh instance. */
class Part<Exports extends Pick<Core, "onPanic" | "__wbg_reset_state">> {
  #loaded: Exports | undefined;
  /** Counts the instances that were in use: what was made in an earlier one is stale. */
  instance = 0;
  /** Calls under way: a panic ends them, as nothing else ever would. */
  readonly #pending = new Set<(error: CorePanicError) => void>();

  get loaded(): Exports | undefined {
    return this.#loaded;
  }

  set(exports: Exports): void {
    this.#loaded = exports;
    this.instance += 1;
    exports.onPanic((message) => this.#panicked(message));
  }

  /** A call of it, which rejects when it panics before the call has settled. Errors as with {@link translated}. */
  guarded<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      call
        .then(resolve, (thrown) => reject(isApiErrorFields(thrown) ? apiError(thrown) : thrown))
        .finally(() => this.#pending.delete(reject));
    });
  }

  #panicked(message: string): void {
    const error = new CorePanicError(`edgebatch: the core stopped: ${message}`);
    // Not at once: the panicking instance is still on the stack.
    queueMicrotask(() => {
      this.#loaded?.__wbg_reset_state();
      this.instance += 1;
      this.#loaded?.onPanic((message) => this.#panicked(message));
      for (const reject of this.#pending) reject(error);
      this.#pending.clear();
    });
  }
}

const calls = new Part<Core | ValidatorCore>();
const turns = new Part<TurnsCore>();
/** Loads what runs batches, where an entry has said how. */
let load: (() => TurnsCore | Promise<TurnsCore>) | undefined;
let loading: Promise<void> | undefined;

/** Called by the entry of a platform once it has loaded the wasm. */
export function setCore(core: Core | ValidatorCore): void {
  calls.set(core);
}

/** Called by the entry of a platform: how what runs batches is loaded, which happens once, before the first is run. */
export function setTurns(how: () => TurnsCore | Promise<TurnsCore>): void {
  load = how;
  loading = undefined;
}

/** The core, for what every build of it has. Importing the package's entry is what loads it. */
export function validatorCore(): ValidatorCore {
  if (!calls.loaded)
    throw new Error("edgebatch: the wasm core is not loaded; import the package's entry, not a file of it");
  return calls.loaded;
}

/** The core with the calls of batches. */
export function core(): Core {
  const whole = validatorCore();
  if (!hasService(whole)) throw new Error("edgebatch: this build of the core only checks files");
  return whole;
}

function hasService(core: Core | ValidatorCore): core is Core {
  return "Service" in core;
}

/** Resolves once batches can be run. What could not be loaded is tried again the next time. */
function turnsLoaded(): Promise<void> {
  loading ??= loadTurns().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function loadTurns(): Promise<void> {
  if (!load)
    throw new Error(
      "edgebatch: what runs batches is not loaded: `load` takes turns_bg.wasm as its second argument",
    );
  turns.set(await load());
}

/** An object of the core's. It is made anew after its part has panicked. */
export class Kept<T> {
  readonly #part: { readonly instance: number };
  readonly #make: () => T;
  #made: T | undefined;
  #instance = -1;

  constructor(part: { readonly instance: number }, make: () => T) {
    this.#part = part;
    this.#make = make;
  }

  /** The object. @throws what its making throws, as with {@link translated}. */
  get(): T {
    if (this.#made === undefined || this.#instance !== this.#part.instance) {
      this.#made = translated(this.#make);
      this.#instance = this.#part.instance;
    }
    return this.#made;
  }
}

/** The calls of the Batches API. Made at once, so that a bad setting shows where it is given. */
export function keptService(settings: object): Kept<Service> {
  const kept = new Kept(calls, () => new (core().Service)(settings));
  kept.get();
  return kept;
}

/** What runs batches; to be asked for only by {@link running}. */
export function keptTurns(settings: object): Kept<Turns> {
  return new Kept(turns, () => {
    if (!turns.loaded) throw new Error("edgebatch: what runs batches is not loaded yet");
    return new turns.loaded.Turns(settings);
  });
}

/** A call of what runs batches, once that is loaded. Rejects when it panics before the call has settled. */
export async function running<R>(kept: Kept<Turns>, call: (turns: Turns) => Promise<R>): Promise<R> {
  await turnsLoaded();
  return turns.guarded(call(kept.get()));
}

/** A call of the core; what it throws as an API error's fields becomes the class that belongs to its status. */
export function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw isApiErrorFields(thrown) ? apiError(thrown) : thrown;
  }
}

/** A call of the core, which rejects when the core panics before it has settled. Errors as with {@link translated}. */
export function guarded<T>(call: Promise<T>): Promise<T> {
  return calls.guarded(call);
}

/** Whether something thrown by the core is an API error's fields rather than a defect. */
function isApiErrorFields(thrown: unknown): thrown is ApiErrorFields {
  return typeof thrown === "object" && thrown !== null && "status" in thrown && !(thrown instanceof Error);
}
