/** Which of a tenant's batches run: the queue's memory. What it means for the others is the core's to say. */

import type { SqlDurableObjectStorage } from "../hosts/durable-object.ts";

export class Places {
  readonly #sql: SqlDurableObjectStorage["sql"];

  constructor(storage: SqlDurableObjectStorage) {
    this.#sql = storage.sql;
    // A batch with a `wake_at` rests until then. `turn` is the newest turn that was heard of.
    this.#sql.exec(`CREATE TABLE IF NOT EXISTS places (
      id TEXT PRIMARY KEY, wake_at INTEGER, turn INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`);
  }

  running(): string[] {
    return [...this.#sql.exec("SELECT id FROM places WHERE wake_at IS NULL ORDER BY id")].map(
      (row) => row.id as string,
    );
  }

  resting(): [id: string, wakeAt: number][] {
    return [...this.#sql.exec("SELECT id, wake_at FROM places WHERE wake_at IS NOT NULL")].map((row) => [
      row.id as string,
      row.wake_at as number,
    ]);
  }

  /** A batch is to run. */
  take(id: string): void {
    this.#sql.exec("INSERT INTO places (id) VALUES (?) ON CONFLICT (id) DO UPDATE SET wake_at = NULL", id);
  }

  /** A batch leaves its place to others until a time. */
  rest(id: string, wakeAt: number): void {
    this.#sql.exec("UPDATE places SET wake_at = ? WHERE id = ?", wakeAt, id);
  }

  /** A batch has ended. */
  leave(id: string): void {
    this.#sql.exec("DELETE FROM places WHERE id = ?", id);
  }

  /** Whether this is the newest turn of a running batch, to the tenant's knowledge. An older one may write no more. */
  isNewest(id: string, turn: number): boolean {
    for (const row of this.#sql.exec("SELECT turn FROM places WHERE id = ?", id)) {
      if ((row.turn as number) > turn) return false;
      if ((row.turn as number) < turn) this.#sql.exec("UPDATE places SET turn = ? WHERE id = ?", turn, id);
    }
    return true;
  }
}
