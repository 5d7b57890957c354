/** A tenant's files, in SQL: everything about them but their bytes, which are in R2. */

import { ResourceNotFoundError } from "../errors.ts";
import type { SqlDurableObjectStorage } from "../hosts/durable-object.ts";

/** A file as on the wire, keys in the order of live objects. Times are Unix seconds. */
export interface WireFile {
  object: "file";
  id: string;
  purpose: string;
  filename: string;
  bytes: number;
  created_at: number;
  expires_at: number | null;
  status: "processed";
  status_details: null;
}

/** An R2 object that holds some of a file's bytes. */
export interface Segment {
  key: string;
  bytes: number;
}

/** A file and where its bytes are, in order. */
export interface StoredFile {
  file: WireFile;
  segments: Segment[];
}

export interface NewFile {
  id: string;
  purpose: string;
  filename: string;
  created_at: number;
  expires_at: number | null;
  segments: Segment[];
}

export interface FileQuery {
  after?: string;
  limit: number;
  order: "asc" | "desc";
  purpose?: string;
}

export interface FileList {
  object: "list";
  data: WireFile[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}

type Row = Record<string, unknown>;

export class FileIndex {
  readonly #storage: SqlDurableObjectStorage;

  constructor(storage: SqlDurableObjectStorage) {
    this.#storage = storage;
    this.#exec(`CREATE TABLE IF NOT EXISTS files (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL, filename TEXT NOT NULL,
      bytes INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, segments TEXT NOT NULL)`);
    this.#exec("CREATE INDEX IF NOT EXISTS files_by_time ON files (created_at, seq)");
    this.#exec(
      "CREATE INDEX IF NOT EXISTS files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL",
    );
    // Objects that no file names any more and that R2 was not yet told to delete.
    this.#exec("CREATE TABLE IF NOT EXISTS trash (key TEXT PRIMARY KEY) WITHOUT ROWID");
  }

  /** Adds a file, or replaces the one of the same id. */
  put(file: NewFile): WireFile {
    const bytes = file.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const segments = JSON.stringify(file.segments);
    this.#storage.transactionSync(() => {
      this.#exec(
        `INSERT INTO files (id, purpose, filename, bytes, created_at, expires_at, segments)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET purpose = excluded.purpose,
         filename = excluded.filename, bytes = excluded.bytes, created_at = excluded.created_at,
         expires_at = excluded.expires_at, segments = excluded.segments`,
        ...[file.id, file.purpose, file.filename, bytes, file.created_at, file.expires_at, segments],
      );
      for (const { key } of file.segments) this.#exec("DELETE FROM trash WHERE key = ?", key);
    });
    return (this.find(file.id, file.created_at) as StoredFile).file;
  }

  /** The file, unless it has expired. */
  find(id: string, now: number): StoredFile | null {
    const query = "SELECT * FROM files WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)";
    for (const row of this.#exec(query, id, now)) {
      return { file: wire(row), segments: JSON.parse(row.segments as string) };
    }
    return null;
  }

  /** The file. @throws ResourceNotFoundError */
  get(id: string, now: number): StoredFile {
    const found = this.find(id, now);
    if (!found) throw noSuchFile(id);
    return found;
  }

  /** Forgets a file; its bytes go to the trash. @throws ResourceNotFoundError */
  remove(id: string, now: number): void {
    this.#discard([this.get(id, now)]);
  }

  /** A page. Files of the same second keep the order they were made in. */
  list(query: FileQuery, now: number): FileList {
    const { after, limit, order, purpose } = query;
    const conditions = ["(expires_at IS NULL OR expires_at > ?)"];
    const values: unknown[] = [now];
    if (purpose !== undefined) {
      conditions.push("purpose = ?");
      values.push(purpose);
    }
    if (after !== undefined) {
      const [cursor] = [...this.#exec("SELECT created_at, seq FROM files WHERE id = ?", after)];
      if (!cursor) throw noSuchFile(after, "after");
      conditions.push(`(created_at, seq) ${order === "asc" ? ">" : "<"} (?, ?)`);
      values.push(cursor.created_at, cursor.seq);
    }
    const direction = order === "asc" ? "ASC" : "DESC";
    const rows = this.#exec(
      `SELECT * FROM files WHERE ${conditions.join(" AND ")}
       ORDER BY created_at ${direction}, seq ${direction} LIMIT ?`,
      ...values,
      limit + 1,
    );
    const all = [...rows].map(wire);
    const data = all.slice(0, limit);
    const [first, last] = [data[0], data.at(-1)];
    return {
      object: "list",
      data,
      has_more: limit > 0 && all.length > limit,
      first_id: first?.id ?? null,
      last_id: last?.id ?? null,
    };
  }

  /** Forgets files whose time is over, so many at once. */
  expire(now: number): void {
    const rows = this.#exec("SELECT * FROM files WHERE expires_at <= ? ORDER BY expires_at LIMIT 500", now);
    this.#discard(
      [...rows].map((row) => ({ file: wire(row), segments: JSON.parse(row.segments as string) })),
    );
  }

  /** Objects to delete from R2. */
  trash(limit = 1000): string[] {
    return [...this.#exec("SELECT key FROM trash LIMIT ?", limit)].map((row) => row.key as string);
  }

  /** Objects that nothing names: to be deleted. */
  throwAway(keys: string[]): void {
    for (const key of keys) this.#exec("INSERT OR IGNORE INTO trash (key) VALUES (?)", key);
  }

  /** R2 has deleted them. */
  emptied(keys: string[]): void {
    this.#storage.transactionSync(() => {
      for (const key of keys) this.#exec("DELETE FROM trash WHERE key = ?", key);
    });
  }

  #discard(files: StoredFile[]): void {
    this.#storage.transactionSync(() => {
      for (const { file, segments } of files) {
        this.#exec("DELETE FROM files WHERE id = ?", file.id);
        this.throwAway(segments.map((segment) => segment.key));
      }
    });
  }

  #exec(query: string, ...bindings: unknown[]): Iterable<Row> {
    return this.#storage.sql.exec(query, ...bindings);
  }
}

export function noSuchFile(id: string, param = "id"): ResourceNotFoundError {
  return new ResourceNotFoundError(`No such File object: ${id}`, { param });
}

function wire(row: Row): WireFile {
  return {
    object: "file",
    id: row.id as string,
    purpose: row.purpose as string,
    filename: row.filename as string,
    bytes: row.bytes as number,
    created_at: row.created_at as number,
    expires_at: row.expires_at as number | null,
    status: "processed",
    status_details: null,
  };
}
