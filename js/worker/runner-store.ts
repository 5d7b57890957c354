/**
 * The store of one batch's turns, in two places. Checkpoints and results (`run:`, `result:`, `large:`) are in the
 * Runner's own storage; the batch as users see it and their wish to cancel it (`batch:`, `cancel:`) are with the Tenant,
 * and so is the first checkpoint until the batch is done with.
 */

import type { KV, KVOp, KVPage, KVQuery } from "../core/types.ts";
import { DurableObjectKV, type SqlDurableObjectStorage } from "../hosts/kv/durable-object.ts";
import type { TurnApi } from "../server/tenant/api.ts";
import { published } from "../server/tenant/waits.ts";

/**
 * While requests run, the Tenant says at once when a batch is to be cancelled, and is asked now and then all the same. After
 * that any look may be the last before the batch is concluded: then it is asked each time.
 */
const CANCEL_ASK_MS = 5_000;

export class RunnerKV implements KV {
  /** Writes are carried out in order, those that follow each other in one place all or nothing. */
  readonly caps = { consistency: "strong", atomic: false, maxValue: 2_000_000 } as const;
  readonly #own: DurableObjectKV;
  readonly #tenant: () => TurnApi;
  readonly #batchId: string;
  readonly #turn: number;
  #cancelled: boolean;
  #askedAt = 0;
  /** Whether the batch, as users see it, is past its requests. */
  #past = false;

  constructor(options: {
    storage: SqlDurableObjectStorage;
    /** Asked for each call: a stub does not outlive its object's restart. */
    tenant: () => TurnApi;
    batchId: string;
    turn: number;
    /** Whether the Tenant has said that the batch is to be cancelled. */
    cancelled: boolean;
  }) {
    this.#own = new DurableObjectKV(options.storage);
    this.#tenant = options.tenant;
    this.#batchId = options.batchId;
    this.#turn = options.turn;
    this.#cancelled = options.cancelled;
  }

  /** The next look for a wish to cancel goes to the Tenant. */
  noticeCancel(): void {
    this.#cancelled = true;
  }

  async get(key: string): Promise<Uint8Array | null> {
    if (isOwn(key)) {
      const value = await this.#own.get(key);
      return value === null && key.startsWith("run:") ? this.#first(key) : value;
    }
    if (key.startsWith("cancel:") && !this.#cancelled && !this.#past) {
      if (Date.now() - this.#askedAt < CANCEL_ASK_MS) return null;
      this.#askedAt = Date.now();
    }
    const value = await this.#tenant().runnerGet(this.#batchId, key);
    if (key.startsWith("batch:") && value !== null) this.#seen(value);
    return value;
  }

  #seen(record: Uint8Array): void {
    this.#past ||= published(record)?.status === "finalizing";
  }

  /**
   * The checkpoint of a batch that has none here: the Tenant's first. Where users saw the batch go on from that already, this
   * object's storage was lost. The first checkpoint would take counts and times back; an empty one, as a damaged one, has
   * the core go on from what users saw, and run again whatever has no result.
   */
  async #first(key: string): Promise<Uint8Array | null> {
    const first = await this.#tenant().runnerGet(this.#batchId, key);
    if (first === null) return null;
    const seen = await this.#tenant().runnerGet(this.#batchId, `batch:${this.#batchId}`);
    return hasBegun(seen) ? new Uint8Array(0) : first;
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.batch([{ type: "set", key, value }]);
  }

  async delete(key: string): Promise<void> {
    await this.batch([{ type: "delete", key }]);
  }

  async list(query: KVQuery): Promise<KVPage> {
    if (!isOwn(query.prefix)) throw new Error(`a turn does not list '${query.prefix}'`);
    return this.#own.list(query);
  }

  async batch(ops: KVOp[]): Promise<boolean> {
    for (let from = 0; from < ops.length; ) {
      const own = isOwn((ops[from] as KVOp).key);
      let to = from + 1;
      while (to < ops.length && isOwn((ops[to] as KVOp).key) === own) to++;
      const run = ops.slice(from, to);
      from = to;
      if (!own) {
        for (const op of run) if (op.type === "set") this.#seen(op.value);
        await this.#tenant().runnerWrite(this.#batchId, this.#turn, run);
        continue;
      }
      // The first checkpoint goes first. If it outlived the later ones, the batch would begin again.
      const ended = run.filter((op) => op.type === "delete" && op.key.startsWith("run:"));
      if (ended.length > 0) await this.#tenant().runnerWrite(this.#batchId, this.#turn, ended);
      await this.#own.batch(run);
    }
    return true;
  }
}

/** Whether a published batch is beyond validation. */
function hasBegun(record: Uint8Array | null): boolean {
  const batch = record && published(record);
  return (
    !!batch && batch.status !== "validating" && (batch.in_progress_at !== null || batch.status === "failed")
  );
}

function isOwn(key: string): boolean {
  return key.startsWith("run:") || key.startsWith("result:") || key.startsWith("large:");
}
