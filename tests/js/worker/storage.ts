/** Storage of a Durable Object for tests of what is kept in it, without the object. */

import { DatabaseSync } from "node:sqlite";
import type { SqlDurableObjectStorage } from "../../../js/hosts/kv/durable-object.ts";

export function memoryStorage(): SqlDurableObjectStorage {
  const database = new DatabaseSync(":memory:");
  return {
    sql: {
      exec: (query, ...bindings) =>
        database.prepare(query).all(...(bindings as never[])) as Record<string, unknown>[],
    },
    transactionSync(work) {
      database.exec("SAVEPOINT work");
      try {
        return work();
      } finally {
        database.exec("RELEASE work");
      }
    },
  };
}
