/** Which files the batches that are not done with read: those stay, whoever deletes them. */

import type { KV } from "../../core/types.ts";
import type { SqlDurableObjectStorage } from "../../hosts/kv/durable-object.ts";

export class Inputs {
  readonly #sql: SqlDurableObjectStorage["sql"];

  constructor(storage: SqlDurableObjectStorage) {
    this.#sql = storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS inputs (batch_id TEXT PRIMARY KEY, file_id TEXT NOT NULL) WITHOUT ROWID",
    );
    this.#sql.exec("CREATE INDEX IF NOT EXISTS inputs_by_file ON inputs (file_id)");
  }

  hold(batchId: string, fileId: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO inputs (batch_id, file_id) VALUES (?, ?)", batchId, fileId);
  }

  /** Whether a batch may read a file that others do not see any more. */
  holds(batchId: string, fileId: string): boolean {
    const query = "SELECT 1 FROM inputs WHERE batch_id = ? AND file_id = ?";
    return [...this.#sql.exec(query, batchId, fileId)].length > 0;
  }

  isNeeded(fileId: string): boolean {
    return [...this.#sql.exec("SELECT 1 FROM inputs WHERE file_id = ? LIMIT 1", fileId)].length > 0;
  }

  /** A batch is done with. */
  release(batchId: string): void {
    this.#sql.exec("DELETE FROM inputs WHERE batch_id = ?", batchId);
  }
}

/**
 * A store that has the input of a new batch held in the same step as the batch is stored: no call to delete the file
 * can come between. A file that is not there then is not there for the batch either.
 */
export function holdingInputs(kv: KV, inputs: Inputs, isThere: (fileId: string) => boolean): KV {
  return {
    caps: kv.caps,
    get: (key) => kv.get(key),
    set: (key, value) => kv.set(key, value),
    delete: (key) => kv.delete(key),
    list: (query) => kv.list(query),
    async batch(ops, checks) {
      const written = (kv.batch as NonNullable<KV["batch"]>).call(kv, ops, checks);
      const created: string[] = [];
      for (const op of ops) {
        if (op.type !== "set" || !op.key.startsWith("batch:")) continue;
        const { id, input_file_id } = JSON.parse(new TextDecoder().decode(op.value));
        if (!isThere(input_file_id)) continue;
        inputs.hold(id, input_file_id);
        created.push(id);
      }
      let isWritten = false;
      try {
        isWritten = await written;
      } finally {
        if (!isWritten) for (const id of created) inputs.release(id);
      }
      return isWritten;
    },
  };
}
