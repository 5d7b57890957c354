/** The thread that writes to the stores: see `store.ts`. */

import { parentPort } from "node:worker_threads";
import { release } from "../../core/bytes.ts";
import type { KVCheck, KVOp } from "../../core/types.ts";
import { SqliteKV } from "../../hosts/kv/sqlite.ts";

/** One call of `KV.batch`. */
export interface Write {
  id: number;
  path: string;
  ops: KVOp[];
  checks: KVCheck[];
}

/** What came of it. */
export interface Done {
  id: number;
  written: boolean;
  /** Errors lose what SQLite says of them on their way between threads. */
  error?: { name: string; message: string; code?: string; errcode?: number; errstr?: string };
}

const stores = new Map<string, SqliteKV>();

function storeAt(path: string): SqliteKV {
  let store = stores.get(path);
  if (store === undefined) {
    store = new SqliteKV(path);
    stores.set(path, store);
  }
  return store;
}

async function write({ id, path, ops, checks }: Write): Promise<Done> {
  try {
    return { id, written: await storeAt(path).batch(ops, checks) };
  } catch (thrown) {
    const { name, message, code, errcode, errstr } = thrown as NonNullable<Done["error"]>;
    const error = {
      name,
      message,
      ...(code && { code }),
      ...(errcode && { errcode }),
      ...(errstr && { errstr }),
    };
    return { id, written: false, error };
  }
}

parentPort?.on("message", async (message: Write | null) => {
  if (message !== null) {
    parentPort?.postMessage(await write(message));
    // Copies for this thread alone, which makes so little else that they would wait long to be collected.
    for (const op of message.ops) if (op.type === "set" && ArrayBuffer.isView(op.value)) release(op.value);
    return;
  }
  for (const store of stores.values()) store.close();
  // Of this thread. Not by closing its port: Deno has no such call.
  process.exit();
});
