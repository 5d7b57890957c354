/** What is used of the library `pg`. */

/** What is used of a `Pool` of the library `pg`. */
export interface PostgresPool {
  query(query: { text: string; values?: unknown[]; rowMode: "array" }): Promise<{ rows: unknown[] }>;
  connect(): Promise<PostgresClient>;
}

/** What is used of a client of such a pool. */
export interface PostgresClient {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  release(error?: Error | boolean): void;
}
