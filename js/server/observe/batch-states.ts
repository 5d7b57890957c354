/** What becomes of batches, seen from the writes of a tenant's store: nothing is read again to be counted. */

import { isTerminal } from "../../core/rules.ts";
import type { Batch, KV, KVOp } from "../../core/types.ts";
import { BATCH, RUN } from "../keys.ts";
import { entries } from "../tenant/change.ts";
import { published } from "../tenant/waits.ts";
import type { Meters } from "./meters.ts";

type Seen = Pick<Batch, "status" | "created_at" | "request_counts">;

export class BatchStates {
  readonly #meters: Meters;
  /** Batches that have not ended, by id. */
  readonly #open = new Map<string, Seen>();

  constructor(meters: Meters) {
    this.#meters = meters;
    meters.registry.reading(() => meters.queueAge(this.#queueAge()));
  }

  /** Records were written, of batches among others; those that do not count are counted where they run. */
  written(ops: KVOp[], counts: (id: string) => boolean = () => true): void {
    for (const op of ops) {
      if (op.type !== "set" || !op.key.startsWith(BATCH) || !counts(op.key.slice(BATCH.length))) continue;
      const batch = published(op.value);
      if (batch) this.#moved(op.key.slice(BATCH.length), batch);
    }
  }

  /** Counts what an earlier process left. */
  async resume(kv: KV): Promise<void> {
    for await (const [key] of entries(kv, RUN)) {
      const id = key.slice(RUN.length);
      const record = await kv.get(BATCH + id);
      const batch = record && published(record);
      // One that only has to be tidied up was counted when it ended; one that was created meanwhile is.
      if (!batch || isTerminal[batch.status] || this.#open.has(id)) continue;
      this.#open.set(id, seen(batch));
      this.#meters.batchMoved(null, batch.status);
    }
  }

  /** A batch is run elsewhere from now on. */
  left(id: string): void {
    const before = this.#open.get(id);
    if (before) this.#meters.batchLeft(before.status);
    this.#open.delete(id);
  }

  #moved(id: string, batch: Batch): void {
    const before = this.#open.get(id);
    const isEnd = isTerminal[batch.status];
    // It had ended already.
    if (!before && isEnd) return;
    if (before?.status !== batch.status) this.#meters.batchMoved(before?.status ?? null, batch.status);
    const { completed, failed, total } = batch.request_counts;
    const had = before?.request_counts ?? { completed: 0, failed: 0 };
    this.#meters.requestsDone("completed", completed - had.completed);
    this.#meters.requestsDone("failed", failed - had.failed);
    if (batch.status === "expired" || batch.status === "cancelled")
      this.#meters.requestsDone(batch.status, total - completed - failed);
    if (isEnd) this.#open.delete(id);
    else this.#open.set(id, seen(batch));
  }

  #queueAge(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { status, created_at } of this.#open.values())
      if (status === "validating") oldest = Math.min(oldest, created_at);
    return Math.max(Number.isFinite(oldest) ? Date.now() / 1_000 - oldest : 0, 0);
  }
}

function seen({ status, created_at, request_counts }: Batch): Seen {
  const { total, completed, failed } = request_counts;
  return { status, created_at, request_counts: { total, completed, failed } };
}
