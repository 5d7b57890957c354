/** The core once an entry has loaded it. Its types come from the crate, with the build. */
import { type ApiErrorFields, apiError, CorePanicError } from "./errors.ts";

export type { CoreHost, InputReader, Service } from "../wasm/edgebatch.js";

/** The exports of the library's wasm. Errors are thrown as {@link ApiErrorFields}. */
export type Core = typeof import("../wasm/edgebatch.js");

/** What checks files and lines: all that the page's wasm exports. */
export type ValidatorCore = Pick<Core, "Validator" | "explainLine" | "onPanic" | "__wbg_reset_state">;

let loaded: Core | ValidatorCore | undefined;
/** Counts the instances that were in use: what was made in an earlier one is stale. */
let instance = 0;
/** Calls under way: a panic ends them, as nothing else ever would. */
const pending = new Set<(error: CorePanicError) => void>();

/** Called by the entry of a platform once it has loaded the wasm. */
export function setCore(core: Core | ValidatorCore): void {
  loaded = core;
  instance += 1;
  core.onPanic(panicked);
}

/** The core, for what every build of it has. Importing the package's entry is what loads it. */
export function validatorCore(): ValidatorCore {
  if (!loaded)
    throw new Error("edgebatch: the wasm core is not loaded; import the package's entry, not a file of it");
  return loaded;
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

/** An object of the core's. It is made at once, so that errors show, and again after a panic. */
export class Kept<T> {
  readonly #make: () => T;
  #made: T;
  #instance = instance;

  constructor(make: () => T) {
    this.#make = () => translated(make);
    this.#made = this.#make();
  }

  get(): T {
    if (this.#instance !== instance) {
      this.#made = this.#make();
      this.#instance = instance;
    }
    return this.#made;
  }
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
  return new Promise((resolve, reject) => {
    pending.add(reject);
    call
      .then(resolve, (thrown) => reject(isApiErrorFields(thrown) ? apiError(thrown) : thrown))
      .finally(() => pending.delete(reject));
  });
}

/** The instance is of no use any more: its memory may be half written. The next call gets a fresh one. */
function panicked(message: string): void {
  const error = new CorePanicError(`edgebatch: the core stopped: ${message}`);
  // Not at once: the panicking instance is still on the stack.
  queueMicrotask(() => {
    loaded?.__wbg_reset_state();
    instance += 1;
    loaded?.onPanic(panicked);
    for (const reject of pending) reject(error);
    pending.clear();
  });
}

/** Whether something thrown by the core is an API error's fields rather than a defect. */
function isApiErrorFields(thrown: unknown): thrown is ApiErrorFields {
  return typeof thrown === "object" && thrown !== null && "status" in thrown && !(thrown instanceof Error);
}
