/**
 * R2 objects that are to be deleted. An object is here from before it is written until a file or an upload names it:
 * whatever is cut off between, its bytes are found again.
 */

import type { SqlDurableObjectStorage } from "../../hosts/kv/durable-object.ts";
import type { Bucket } from "../../worker/env.ts";
import { addColumn } from "../../worker/schema.ts";

/** How long an object may take to be written, in seconds. What is not named by then never will be. */
export const WRITING_SECONDS = 86_400;
/** How many keys R2 deletes in one call. */
const AT_ONCE = 1000;

export class Trash {
  readonly #sql: SqlDurableObjectStorage["sql"];

  constructor(storage: SqlDurableObjectStorage) {
    this.#sql = storage.sql;
    this.#exec("CREATE TABLE IF NOT EXISTS trash (key TEXT PRIMARY KEY) WITHOUT ROWID");
    addColumn(this.#sql, "trash", "not_before", "INTEGER NOT NULL DEFAULT 0");
    this.#exec("CREATE INDEX IF NOT EXISTS trash_by_time ON trash (not_before)");
    // Multipart uploads of R2, whose parts are seen by nobody and stay until they are aborted.
    this.#exec(`CREATE TABLE IF NOT EXISTS multiparts (
      upload_id TEXT PRIMARY KEY, key TEXT NOT NULL, not_before INTEGER NOT NULL) WITHOUT ROWID`);
    this.#exec("CREATE INDEX IF NOT EXISTS multiparts_by_key ON multiparts (key)");
  }

  /** Objects that are about to be written. */
  expect(keys: string[], now: number): void {
    for (const key of keys) {
      this.#exec(
        "INSERT OR REPLACE INTO trash (key, not_before) VALUES (?, ?)",
        ...[key, now + WRITING_SECONDS],
      );
    }
  }

  /** An object that is being written in parts. */
  expectMultipart(key: string, uploadId: string, now: number): void {
    this.#exec(
      "INSERT OR REPLACE INTO multiparts (upload_id, key, not_before) VALUES (?, ?, ?)",
      ...[uploadId, key, now + WRITING_SECONDS],
    );
  }

  /** Objects that something names now. */
  keep(keys: string[]): void {
    for (const key of keys) {
      this.#exec("DELETE FROM trash WHERE key = ?", key);
      this.#exec("DELETE FROM multiparts WHERE key = ?", key);
    }
  }

  /** Objects that nothing names any more. */
  throwAway(keys: string[]): void {
    for (const key of keys) this.#exec("INSERT OR REPLACE INTO trash (key, not_before) VALUES (?, 0)", key);
  }

  /** Has R2 delete what is due. */
  async empty(bucket: Bucket, now: number): Promise<void> {
    const cut = [...this.#exec("SELECT * FROM multiparts WHERE not_before <= ? LIMIT 20", now)];
    for (const { upload_id, key } of cut as { upload_id: string; key: string }[]) {
      try {
        await bucket.resumeMultipartUpload(key, upload_id).abort();
      } catch (error) {
        // One that was completed or aborted is not known any more.
        if (!/10024|does not exist/.test(String(error))) throw error;
      }
      this.#exec("DELETE FROM multiparts WHERE upload_id = ?", upload_id);
    }
    const due = [...this.#exec("SELECT key FROM trash WHERE not_before <= ? LIMIT ?", now, AT_ONCE)];
    if (due.length === 0) return;
    const keys = due.map((row) => row.key as string);
    await bucket.delete(keys);
    for (const key of keys) this.#exec("DELETE FROM trash WHERE key = ?", key);
  }

  #exec(query: string, ...bindings: unknown[]) {
    return this.#sql.exec(query, ...bindings);
  }
}
