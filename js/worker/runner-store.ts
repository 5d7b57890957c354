/**
 * The store of one batch's turns, in two stores. What only the batch's run reads is in the Runner's own storage; the
 * batch as users see it, their wish to cancel it, and its first checkpoint, which makes it run, are with the Tenant.
 */

import { keys } from "../core/rules.ts";
import type { KV, KVOp, KVPage, KVQuery } from "../core/types.ts";
import { DurableObjectKV, type SqlDurableObjectStorage } from "../hosts/kv/durable-object.ts";
import type { TurnApi } from "../server/tenant/api.ts";
import { published } from "../server/tenant/waits.ts";

/**
 * While requests run, the Tenant says at once when a batch is to be cancelled or paused, and is asked now and then all the same. After
 * that any look may be the last before the batch is concluded: then it is asked each time.
 */
const WISH_ASK_MS = 5_000;

export class RunnerKV implements KV {
  /** Writes are carried out in order, consecutive ones to the same store all or nothing. */
  readonly caps = { consistency: "strong", atomic: false, keys: true, maxValue: 2_000_000 } as const;
  readonly #own: DurableObjectKV;
  readonly #tenant: () => TurnApi;
  readonly #batchId: string;
  readonly #turn: number;
  #cancelled: boolean;
  /** Wishes, as they last were, and when that was. */
  readonly #asked = new Map<string, { at: number; value: Uint8Array | null }>();
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

  /** The next look for any wish goes to the Tenant. */
  lookAgain(): void {
    this.#asked.clear();
  }

  async get(key: string): Promise<Uint8Array | null> {
    if (isOwn(key)) return (await this.#own.get(key)) ?? this.#earlier(key);
    const isWish = key.startsWith(keys.pause.prefix) || key.startsWith(keys.cancel.prefix);
    const isSure = this.#past || (this.#cancelled && key.startsWith(keys.cancel.prefix));
    const asked = this.#asked.get(key);
    if (isWish && !isSure && asked && Date.now() - asked.at < WISH_ASK_MS) return asked.value;
    const value = await this.#tenant().runnerGet(this.#batchId, key);
    if (isWish) this.#asked.set(key, { at: Date.now(), value });
    if (value !== null) this.#notice(key, value);
    return value;
  }

  /** A record of the Tenant's, as it is or will be. */
  #notice(key: string, value: Uint8Array): void {
    if (key.startsWith(keys.batch.prefix)) this.#past ||= published(value)?.status === "finalizing";
  }

  /** Earlier builds kept the latest checkpoint under the name that the first one has with the Tenant. */
  async #earlier(key: string): Promise<Uint8Array | null> {
    return key.startsWith(keys.checkpoint.prefix) ? this.#own.get(keys.run.prefix + this.#batchId) : null;
  }

  /** What goes with a newer checkpoint, or with the last. */
  #replaced(ops: KVOp[]): KVOp[] {
    const isNewer = ops.some(({ key }) => key.startsWith(keys.checkpoint.prefix));
    return isNewer ? [{ type: "delete", key: keys.run.prefix + this.#batchId }] : [];
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
      if (own) await this.#own.batch([...this.#replaced(run), ...run]);
      else {
        for (const op of run) if (op.type === "set") this.#notice(op.key, op.value);
        await this.#tenant().runnerWrite(this.#batchId, this.#turn, run);
      }
    }
    return true;
  }
}

/** Prefixes of what only the batch's run reads. */
const ownPrefixes = Object.values(keys)
  .filter((key) => key.isPrivate)
  .map((key) => key.prefix);

function isOwn(key: string): boolean {
  return ownPrefixes.some((prefix) => key.startsWith(prefix));
}
