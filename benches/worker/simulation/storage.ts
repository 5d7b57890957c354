/** Storage of a simulated Durable Object: SQLite, as the platform has it, with rows counted as it bills them. */

import { rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Meter } from "./meter.ts";

/** Written at once, and never lost: what the platform's output gates make of it. */
export class Storage {
  #database: DatabaseSync | undefined;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();
  readonly #meter: Meter;

  /** In a file where there is to be much of it, in memory otherwise. */
  constructor(meter: Meter, path = ":memory:") {
    this.#meter = meter;
    this.#path = path;
  }

  exec(query: string, bindings: unknown[]): Record<string, unknown>[] {
    let statement = this.#statements.get(query);
    if (!statement) {
      statement = this.#open().prepare(query);
      this.#statements.set(query, statement);
    }
    const { usage } = this.#meter;
    if (/^\s*SELECT/i.test(query)) {
      const rows = statement.all(...(bindings as never[]));
      usage.rowsRead += Math.max(1, rows.length);
      return rows;
    }
    const { changes } = statement.run(...(bindings as never[]));
    if (/^\s*(INSERT|UPDATE|DELETE)/i.test(query)) usage.rowsWritten += Number(changes);
    return [];
  }

  transaction<T>(work: () => T): T {
    const database = this.#open();
    if (database.isTransaction) return work();
    database.exec("BEGIN");
    let isDone = false;
    try {
      const result = work();
      isDone = true;
      return result;
    } finally {
      database.exec(isDone ? "COMMIT" : "ROLLBACK");
    }
  }

  deleteAll(): void {
    this.#statements.clear();
    this.#database?.close();
    this.#database = undefined;
    if (this.#path !== ":memory:") rmSync(this.#path, { force: true });
  }

  #open(): DatabaseSync {
    if (!this.#database) {
      this.#database = new DatabaseSync(this.#path);
      this.#database.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF");
    }
    return this.#database;
  }
}
