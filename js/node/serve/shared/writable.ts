/** Whether the shared state can be used: by asking the database and the bucket. */

import { logError, logWarning } from "../../../server/log.ts";
import { storageFault } from "../../../server/observe/storage-fault.ts";
import type { Blobs } from "../../../server/ports.ts";
import type { Writable } from "../state.ts";
import type { Database } from "./database.ts";

/** How long an answer holds, in milliseconds. */
const HOLDS_MS = 2_000;

export class SharedWritable implements Writable {
  readonly #database: Database;
  readonly #blobs: Blobs;
  #known: { at: number; fault: string | null } | undefined;
  #probing: Promise<string | null> | undefined;

  constructor(database: Database, blobs: Blobs) {
    this.#database = database;
    this.#blobs = blobs;
  }

  async fault(): Promise<string | null> {
    if (this.#known && performance.now() - this.#known.at < HOLDS_MS) return this.#known.fault;
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  suspect(error: unknown): void {
    if (storageFault(error) !== null) void this.fault();
  }

  stop(): void {}

  async #probe(): Promise<string | null> {
    let fault: string | null = "database";
    try {
      await this.#database.probe();
      fault = "files";
      await this.#blobs.read("probe", 0, 1);
      fault = null;
    } catch (error) {
      if (!this.#known?.fault) logError("state.unwritable", error, { reason: fault ?? "" });
    }
    if (fault === null && this.#known?.fault) logWarning("state.writable");
    this.#known = { at: performance.now(), fault };
    return fault;
  }
}
