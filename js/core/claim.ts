/**
 * Who runs the batches of a store that takes no checks: one service at a time, or lines would be paid for twice and results
 * lost. Where the store takes checks each batch has an owner of its own, and services need not claim the whole.
 */
import { StoreInUseError } from "./errors.ts";
import type { KV, StoreLock } from "./types.ts";

/** Stores that a service of this process runs. */
const claimed = new WeakSet<KV>();

/** Takes a store for one service. @throws StoreInUseError while another has it. */
async function claim(kv: KV): Promise<StoreLock> {
  if (claimed.has(kv)) throw new StoreInUseError("this store", null);
  claimed.add(kv);
  try {
    const lock = await kv.lock?.();
    return {
      release: async () => {
        claimed.delete(kv);
        await lock?.release();
      },
    };
  } catch (error) {
    claimed.delete(kv);
    throw error;
  }
}

/** One service's claim on its store, which its background run and its turns share. */
export class Claim {
  readonly #kv: KV;
  #users = 0;
  #lock: Promise<StoreLock> | undefined;
  #released: Promise<void> = Promise.resolve();

  constructor(kv: KV) {
    this.#kv = kv;
  }

  /** Does the work while the store is this service's. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#kv.caps.checks) return work();
    this.#users += 1;
    this.#lock ??= this.#released.then(() => claim(this.#kv));
    const lock = this.#lock;
    try {
      await lock;
      return await work();
    } finally {
      this.#users -= 1;
      if (this.#users === 0) await this.#release(lock);
    }
  }

  async #release(lock: Promise<StoreLock>): Promise<void> {
    this.#lock = undefined;
    const released = lock.then(
      (held) => held.release(),
      () => {},
    );
    this.#released = released.catch(() => {});
    await released;
  }
}
