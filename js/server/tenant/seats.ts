/** Which of a tenant's batches run: the queue's memory. What it means for the others is the core's to say. */

import type { SqlDurableObjectStorage } from "../../hosts/kv/durable-object.ts";
import { addColumn } from "../../worker/schema.ts";

/** Failed calls in a row, over so long, after which a Runner is given up: three rounds of the Tenant. */
const LOST_CALLS = 3;
const LOST_MS = 85_000;
/** Turns of one generation's Runner: more than there can be, and far within what a number holds. */
const TURNS = 2 ** 32;

/** Which Runner a batch has: its generation, and the newest turn that was heard of. */
export interface Seat {
  generation: number;
  turn: number;
}

export class Places {
  readonly #sql: SqlDurableObjectStorage["sql"];

  constructor(storage: SqlDurableObjectStorage) {
    this.#sql = storage.sql;
    // A batch with a `wake_at` rests until then. `turn` is the newest turn that was heard of.
    this.#sql.exec(`CREATE TABLE IF NOT EXISTS places (
      id TEXT PRIMARY KEY, wake_at INTEGER, turn INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`);
    addColumn(this.#sql, "places", "generation", "INTEGER NOT NULL DEFAULT 0");
    // Calls to the Runner that failed since the last one that did not, and when the first of them did.
    addColumn(this.#sql, "places", "lost_calls", "INTEGER NOT NULL DEFAULT 0");
    addColumn(this.#sql, "places", "lost_since", "INTEGER");
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

  seat(id: string): Seat {
    for (const row of this.#sql.exec("SELECT generation, turn FROM places WHERE id = ?", id)) {
      return { generation: row.generation as number, turn: row.turn as number };
    }
    return { generation: 0, turn: 0 };
  }

  /** A call to the batch's Runner came through. */
  reached(id: string): void {
    this.#sql.exec("UPDATE places SET lost_calls = 0, lost_since = NULL WHERE id = ? AND lost_calls > 0", id);
  }

  /** A call to the batch's Runner failed. Whether it has now failed so often, and for so long, that it is lost. */
  missed(id: string, now: number): boolean {
    this.#sql.exec(
      "UPDATE places SET lost_calls = lost_calls + 1, lost_since = coalesce(lost_since, ?) WHERE id = ?",
      now,
      id,
    );
    for (const row of this.#sql.exec("SELECT lost_calls, lost_since FROM places WHERE id = ?", id)) {
      return (row.lost_calls as number) >= LOST_CALLS && now - (row.lost_since as number) >= LOST_MS;
    }
    return false;
  }

  /** Gives a batch a fresh Runner. Its turns are above all of the old one's, which so may write no more. */
  replace(id: string): Seat {
    const generation = this.seat(id).generation + 1;
    const turn = generation * TURNS;
    this.#sql.exec(
      "UPDATE places SET generation = ?, turn = ?, wake_at = NULL, lost_calls = 0, lost_since = NULL WHERE id = ?",
      generation,
      turn,
      id,
    );
    return { generation, turn };
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
