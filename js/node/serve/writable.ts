/** Whether state can be written: the only way to know is to write. */

import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { logError, logWarning } from "../../server/log.ts";
import { storageFault } from "../../server/observe/storage-fault.ts";

/** As much as a group of results may need. A disk that has less is as good as full. */
const PROBE_BYTES = 1024 * 1024;
/** How long an answer holds, in milliseconds: however many ask, little is written. */
const HOLDS_MS = 2_000;

/** How often it is tried again while state cannot be written. */
const AGAIN_MS = 5_000;

export class WritableState {
  readonly #path: string;
  #known: { at: number; fault: string | null } | undefined;
  #probing: Promise<string | null> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(folder: string) {
    this.#path = join(folder, ".probe");
  }

  /** Why state cannot be written; null when it can. */
  async fault(): Promise<string | null> {
    // Not the wall clock, which may be set.
    if (this.#known && performance.now() - this.#known.at < HOLDS_MS) return this.#known.fault;
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  /** A store could not do something: it may be for this. */
  suspect(error: unknown): void {
    const fault = storageFault(error);
    if (fault !== null && fault !== "damaged") void this.fault();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#again);
  }

  async #probe(): Promise<string | null> {
    let fault: string | null = null;
    try {
      const handle = await open(this.#path, "w", 0o600);
      try {
        await handle.write(new Uint8Array(PROBE_BYTES));
        await handle.sync();
      } finally {
        await handle.close();
        await unlink(this.#path);
      }
    } catch (error) {
      fault = (error as NodeJS.ErrnoException).code ?? "unknown";
      if (!this.#known?.fault) logError("state.unwritable", error, { reason: fault });
    }
    if (fault === null && this.#known?.fault) logWarning("state.writable");
    this.#known = { at: performance.now(), fault };
    clearTimeout(this.#again);
    if (fault !== null && !this.#stopped) this.#again = setTimeout(() => void this.fault(), AGAIN_MS);
    return fault;
  }
}
