/**
 * A tenant's records: read in this thread, written in another. A write is acknowledged once the disk has it, and while it
 * waits for the disk, SQLite holds its whole thread; calls of users and answers of the model server are not to wait with it.
 */

import { Worker } from "node:worker_threads";
import type { KV, KVCheck, KVOp, KVPage, KVQuery } from "../../core/types.ts";
import { SqliteKV } from "../../hosts/kv/sqlite.ts";
import type { Done, Write } from "./store-writer.ts";

interface Waiting {
  resolve(written: boolean): void;
  reject(error: unknown): void;
}

/** The other thread, which starts with the first write. One for all stores: they share a disk. */
export class StoreWriter {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #last = 0;

  write(path: string, ops: KVOp[], checks: KVCheck[]): Promise<boolean> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    // What is under way keeps the process alive, and nothing else here does.
    if (this.#waiting.size === 0) worker.ref();
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, path, ops, checks } satisfies Write);
    });
  }

  /** Closes the stores in the other thread, and ends it. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    worker.ref();
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.postMessage(null);
    await ended;
  }

  #start(): Worker {
    // Built, this file is a part of another.
    const name = import.meta.url.endsWith(".ts") ? "./store-writer.ts" : "./store-writer.js";
    const worker = new Worker(new URL(name, import.meta.url));
    worker.on("message", ({ id, written, error }: Done) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      if (error === undefined) waiting?.resolve(written);
      else waiting?.reject(Object.assign(new Error(error.message), error));
    });
    // The next write starts another: what became of these is not known, and every writer looks before it writes again.
    const lost = (error: unknown) => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    worker.on("error", lost);
    worker.on("exit", () => lost(new Error("the thread that writes to the store has ended")));
    return worker;
  }
}

export class Store implements KV {
  readonly caps;
  readonly #path: string;
  readonly #writer: StoreWriter;
  readonly #reader: SqliteKV;

  /** Opens the file, or makes it. */
  constructor(path: string, writer: StoreWriter) {
    this.#path = path;
    this.#writer = writer;
    this.#reader = new SqliteKV(path);
    this.caps = this.#reader.caps;
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.#reader.get(key);
  }

  list(query: KVQuery): Promise<KVPage> {
    return this.#reader.list(query);
  }

  batch(ops: KVOp[], checks: KVCheck[] = []): Promise<boolean> {
    return this.#writer.write(this.#path, ops, checks);
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    await this.batch([{ type: "set", key, value }]);
  }

  async delete(key: string): Promise<void> {
    await this.batch([{ type: "delete", key }]);
  }

  /** Closes the file in this thread. */
  close(): void {
    this.#reader.close();
  }
}
