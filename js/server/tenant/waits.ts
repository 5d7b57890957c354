/** Logs that batches wait for the model server, and that they continue: once for each change that an operator would act on. */

import type { Batch, KVOp } from "../../core/types.ts";
import { BATCH } from "../keys.ts";
import { logWarning } from "../log.ts";

/** A wait that continues is logged again when its end has moved by more than this many seconds. */
const MOVED_S = 60;

/** A batch that was waiting, and is given up, does not go on. */
const ENDING: Batch["status"][] = ["cancelling", "cancelled", "expired", "failed"];

type Wait = { reason: string; status: number | null; until: number };

export class Waits {
  readonly #tenant: string;
  /** What was logged last of each batch that runs; null for no wait. */
  readonly #logged = new Map<string, Wait | null>();

  constructor(tenant: string) {
    this.#tenant = tenant;
  }

  /** A batch's records are about to be written; `before` gives the one users see so far. */
  async notice(batchId: string, ops: KVOp[], before: () => Promise<Uint8Array | null>): Promise<void> {
    const op = ops.findLast(({ key }) => key === BATCH + batchId);
    const batch = op?.type === "set" ? published(op.value) : null;
    if (!batch) return;
    const wait = waitOf(batch);
    let last = this.#logged.get(batchId);
    if (last === undefined) {
      const record = await before();
      last = waitOf(record && published(record));
    }
    const fields = { tenant: this.#tenant, batch: batchId };
    const moved = wait && last && Math.abs(wait.until - last.until) > MOVED_S;
    if (wait && (moved || wait.reason !== last?.reason)) {
      // Its message is the model server's, which may quote a prompt.
      logWarning("batch.waiting", { ...fields, ...wait });
      this.#logged.set(batchId, wait);
      return;
    }
    if (!wait && last && !ENDING.includes(batch.status)) logWarning("batch.resumed", fields);
    this.#logged.set(batchId, wait && last);
  }

  /** A batch has ended. */
  forget(batchId: string): void {
    this.#logged.delete(batchId);
  }
}

/** The batch in a record, null where that cannot be read: it is published again. */
export function published(record: Uint8Array): Batch | null {
  try {
    return JSON.parse(new TextDecoder().decode(record)) as Batch;
  } catch {
    return null;
  }
}

function waitOf(batch: Batch | null): Wait | null {
  const waiting = batch?.edgebatch?.waiting;
  if (!waiting) return null;
  const { reason, status, until } = waiting;
  return { reason, status, until };
}
