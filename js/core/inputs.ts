/**
 * The inputs of batches that have not ended stay, whoever deletes them. What is held is noted in the store before it
 * is held, and held before its batch is stored: whatever a crash leaves is found by {@link Inputs.sweep}.
 */
import type { Batch, BatchStatus, Files, KV } from "./types.ts";

const PREFIX = "input:";
/** A note younger than this without its batch may be of a `create` under way in another process. */
const CREATING_MS = 3_600_000;
/** Holds remembered, so that reads need not ask; more are asked for again. */
const MOST_KNOWN = 1_000;

/** How a batch can end. */
export const ended: readonly BatchStatus[] = ["completed", "failed", "expired", "cancelled"];

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

  /** Releases what batches hold that ended, or were never stored, when their process died. */
  async sweep(now: number): Promise<void> {
    if (!this.#files.hold || !this.#files.release) return;
    for (let after: string | undefined; ; ) {
      const page = await this.#kv.list({ prefix: PREFIX, ...(after !== undefined && { after }) });
      for (const [key] of page.entries) {
        const id = key.slice(PREFIX.length);
        if (await this.#isDone(id, now)) await this.release(id);
      }
      after = page.entries.at(-1)?.[0];
      if (!page.more || after === undefined) return;
    }
  }

  async #isDone(id: string, now: number): Promise<boolean> {
    if ((await this.#kv.get(`run:${id}`)) !== null) return false;
    const json = await this.#kv.get(`batch:${id}`);
    // An id begins with the second of its creation.
    if (json === null) return now - Number.parseInt(id.slice(6, 14), 16) * 1_000 > CREATING_MS;
    try {
      return ended.includes((JSON.parse(new TextDecoder().decode(json)) as Batch).status);
    } catch {
      return false;
    }
  }
}
