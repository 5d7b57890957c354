/** Tables of objects that live longer than a build. */

import type { SqlDurableObjectStorage } from "../hosts/kv/durable-object.ts";

/** Adds a column that earlier builds' tables have not. */
export function addColumn(
  sql: SqlDurableObjectStorage["sql"],
  table: string,
  column: string,
  type: string,
): void {
  const columns = [...sql.exec("SELECT name FROM pragma_table_info(?)", table)];
  if (columns.some((row) => row.name === column)) return;
  sql.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
}
