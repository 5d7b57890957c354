/** A store that somebody looks at: what is written to it, and what it cannot do. */

import type { KV, KVOp } from "../../core/types.ts";

export interface StoreWatch {
  /** Done, and durable. */
  written(ops: KVOp[]): void;
  failed(error: unknown): void;
}

/** The same store. */
export function watchedStore(kv: KV, watch: StoreWatch): KV {
  const heard = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      watch.failed(error);
      throw error;
    }
  };
  return {
    caps: kv.caps,
    get: (key) => heard(() => kv.get(key)),
    list: (query) => heard(() => kv.list(query)),
    delete: (key) => heard(() => kv.delete(key)),
    async set(key, value) {
      await heard(() => kv.set(key, value));
      watch.written([{ type: "set", key, value }]);
    },
    ...(kv.batch && {
      batch: async (ops, checks) => {
        const written = await heard(async () => (await kv.batch?.(ops, checks)) ?? false);
        if (written) watch.written(ops);
        return written;
      },
    }),
    ...(kv.lock && { lock: () => (kv.lock as NonNullable<KV["lock"]>)() }),
  };
}
