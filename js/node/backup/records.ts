/** The records of a store that another process may be writing, as they were at one moment. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { SqliteKV } from "../../hosts/kv/sqlite.ts";
import { sqlite } from "../../hosts/shared/node-modules.ts";

/**
 * A view of a store, and an empty store beside it that takes the copy. Between {@link begin} and {@link end} the view does not
 * change, whatever is written meanwhile: a reader of a write-ahead log waits for nobody, and holds up nobody.
 */
export class RecordsView {
  readonly #db: DatabaseSync;
  readonly #isPacked: StatementSync;
  readonly #pack: StatementSync;
  #closed = false;

  /** `copy` is made. */
  constructor(path: string, copy: string) {
    // The schema is said there.
    new SqliteKV(copy).close();
    this.#db = new (sqlite().DatabaseSync)(copy);
    try {
      // Nobody else sees the copy before it is complete: a journal would only double what is written.
      this.#db.exec("PRAGMA busy_timeout = 10000; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
      this.#db.prepare("ATTACH ? AS live").run(path);
      this.#db.exec("CREATE TEMP TABLE packed (key TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID");
      this.#isPacked = this.#db.prepare("SELECT 1 FROM packed WHERE key = ?");
      this.#pack = this.#db.prepare("INSERT INTO packed VALUES (?)");
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  begin(): void {
    this.#db.exec("BEGIN");
    // The first read fixes what is seen.
    this.#db.prepare("SELECT 1 FROM live.kv LIMIT 1").get();
  }

  end(): void {
    this.#db.exec("COMMIT");
  }

  /** Values of the keys from `from` to before `to`. */
  *values(from: Uint8Array, to: Uint8Array): Generator<Uint8Array, void> {
    const rows = this.#db.prepare("SELECT value FROM live.kv WHERE key >= ? AND key < ?");
    for (const { value } of rows.iterate(from, to)) yield value as Uint8Array;
  }

  isPacked(object: string): boolean {
    return this.#isPacked.get(object) !== undefined;
  }

  packed(object: string): void {
    this.#pack.run(object);
  }

  /** Copies every record that is seen. In order, as then each page is written once. */
  copy(): void {
    this.#db.exec("INSERT INTO main.kv SELECT key, value FROM live.kv ORDER BY key");
  }

  /** The copy is complete, and as every store is: whoever opens it need not change it first. */
  finish(): void {
    this.#db.exec("PRAGMA main.journal_mode = WAL");
    this.close();
  }

  /** No error when it is closed already. */
  close(): void {
    if (!this.#closed) this.#db.close();
    this.#closed = true;
  }
}
