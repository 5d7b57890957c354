/**
 * The inputs of batches that have not ended stay, whoever deletes them. What is held is noted in the store before it
 * is held, and held before its batch is stored: whatever a crash leaves is found by {@link Inputs.sweep}.
 */
import { isTerminal, keys } from "./rules.ts";
import type { Batch, Files, KV } from "./types.ts";

const PREFIX = "input:";
/** A note younger than this without its batch may be of a `create` under way in another process. */
const CREATING_MS = 3_600_000;
/** Holds remembered, so that reads need not ask; more are asked for again. */
const MOST_KNOWN = 1_000;

/** What one service's batches hold, in files that can hold; elsewhere it does nothing. */
export class Inputs {
  readonly #kv: KV;
  readonly #files: Files;
  readonly #known = new Map<string, string>();

  constructor(kv: KV, files: Files) {
    this.#kv = kv;
    this.#files = files;
  }

  async hold(batchId: string, fileId: string): Promise<void> {
    const { hold, release } = this.#files;
    if (!hold || !release || this.#known.get(batchId) === fileId) return;
    await this.#kv.set(PREFIX + batchId, new TextEncoder().encode(fileId));
    if (!(await hold.call(this.#files, fileId, batchId))) return;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(batchId, fileId);
  }

  /** The batch has ended. */
  async release(batchId: string): Promise<void> {
    if (!this.#files.hold || !this.#files.release) return;
    const fileId = await this.#kv.get(PREFIX + batchId);
    if (fileId !== null) await this.#files.release(new TextDecoder().decode(fileId), batchId);
    await this.#kv.delete(PREFIX + batchId);
    this.#known.delete(batchId);
  }

  /**
   * Releases what batches hold that ended, or were never stored, when their process died. Gives the time of the next look:
   * when the first note of a batch that is not stored is old enough; Infinity when there is none. Rejects, once it has seen
   * to all of them, when something could not be released.
   */
  async sweep(now: number): Promise<number> {
    let next = Number.POSITIVE_INFINITY;
    if (!this.#files.hold || !this.#files.release) return next;
    const failures: unknown[] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.#kv.list({ prefix: PREFIX, ...(after !== undefined && { after }) });
      for (const [key] of page.entries) {
        const id = key.slice(PREFIX.length);
        try {
          const doneAt = await this.#doneAt(id);
          if (doneAt < now) await this.release(id);
          else next = Math.min(next, doneAt);
        } catch (error) {
          failures.push(error);
        }
      }
      after = page.entries.at(-1)?.[0];
      if (!page.more || after === undefined) break;
    }
    if (failures.length > 0) throw failures[0];
    return next;
  }

  /** From when on a batch needs its input no more, as far as that is known; Infinity while it goes on. */
  async #doneAt(id: string): Promise<number> {
    if ((await this.#kv.get(keys.run.prefix + id)) !== null) return Number.POSITIVE_INFINITY;
    const json = await this.#kv.get(keys.batch.prefix + id);
    // An id begins with the second of its creation.
    if (json === null) return (Number.parseInt(id.slice(6, 14), 16) || 0) * 1_000 + CREATING_MS;
    try {
      const { status } = JSON.parse(new TextDecoder().decode(json)) as Batch;
      return isTerminal[status] ? 0 : Number.POSITIVE_INFINITY;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }
}
