/** A tenant's files, in SQL: everything about them but their bytes, which are in R2. */

import { ResourceNotFoundError } from "../../core/errors.ts";
import type { SqlDurableObjectStorage } from "../../hosts/kv/durable-object.ts";
import { addColumn } from "../../worker/schema.ts";
import type { Inputs } from "./inputs.ts";
import type { Trash } from "./trash.ts";

/** Most of one page, as JSON: a longer list comes in several. */
const PAGE_BYTES = 256 * 1024;
/** How long the place of a file that is gone is known to pagers, in seconds: a year. */
const PLACE_SECONDS = 31_536_000;

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

/** Shown to users: neither deleted nor expired. */
const VISIBLE = "deleted_at IS NULL AND (expires_at IS NULL OR expires_at > ?)";

export class FileIndex {
  readonly #storage: SqlDurableObjectStorage;
  readonly #inputs: Inputs;
  readonly #trash: Trash;

  constructor(storage: SqlDurableObjectStorage, inputs: Inputs, trash: Trash) {
    this.#storage = storage;
    this.#inputs = inputs;
    this.#trash = trash;
    this.#exec(`CREATE TABLE IF NOT EXISTS files (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL, filename TEXT NOT NULL,
      bytes INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, segments TEXT NOT NULL)`);
    // Of a file that users have deleted, or that has expired, while a batch needs it.
    addColumn(storage.sql, "files", "deleted_at", "INTEGER");
    this.#exec("CREATE INDEX IF NOT EXISTS files_by_time ON files (created_at, seq)");
    this.#exec(
      "CREATE INDEX IF NOT EXISTS files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL",
    );
    this.#exec(
      "CREATE INDEX IF NOT EXISTS files_by_deletion ON files (deleted_at) WHERE deleted_at IS NOT NULL",
    );
    // Where files that are gone stood in lists: a pager may hold the id of any.
    this.#exec(`CREATE TABLE IF NOT EXISTS places_of_files (
      id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, seq INTEGER NOT NULL, gone_at INTEGER NOT NULL) WITHOUT ROWID`);
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
      this.#trash.keep(file.segments.map((segment) => segment.key));
    });
    return (this.find(file.id, file.created_at) as StoredFile).file;
  }

  /** The file, unless it was deleted or has expired. */
  find(id: string, now: number): StoredFile | null {
    return this.#stored(`SELECT * FROM files WHERE id = ? AND ${VISIBLE}`, id, now);
  }

  /** The file a batch reads: what it held when it was created it may read to its end. */
  findInput(batchId: string, id: string, now: number): StoredFile | null {
    const held = this.#inputs.holds(batchId, id);
    return held ? this.#stored("SELECT * FROM files WHERE id = ?", id) : this.find(id, now);
  }

  /** The file. @throws ResourceNotFoundError */
  get(id: string, now: number): StoredFile {
    const found = this.find(id, now);
    if (!found) throw noSuchFile(id);
    return found;
  }

  /** How many files there are, and their bytes together. */
  total(): { files: number; bytes: number } {
    const [row] = this.#exec("SELECT COUNT(*) AS files, TOTAL(bytes) AS bytes FROM files");
    return row as { files: number; bytes: number };
  }

  /** Forgets a file. Its bytes go to the trash, once no batch needs them. @throws ResourceNotFoundError */
  remove(id: string, now: number): void {
    this.get(id, now);
    this.#exec("UPDATE files SET deleted_at = ? WHERE id = ?", now, id);
    this.discard(now);
  }

  /**
   * A page. Files of the same second keep the order they were made in. It may end before its limit, with more to come:
   * names are long, and lists of ten thousand are asked for.
   */
  list(query: FileQuery, now: number): FileList {
    const { after, limit, order, purpose } = query;
    const conditions = [VISIBLE];
    const values: unknown[] = [now];
    if (purpose !== undefined) {
      conditions.push("purpose = ?");
      values.push(purpose);
    }
    if (after !== undefined) {
      conditions.push(`(created_at, seq) ${order === "asc" ? ">" : "<"} (?, ?)`);
      values.push(...this.#place(after));
    }
    const direction = order === "asc" ? "ASC" : "DESC";
    const rows = this.#exec(
      `SELECT * FROM files WHERE ${conditions.join(" AND ")}
       ORDER BY created_at ${direction}, seq ${direction} LIMIT ?`,
      ...values,
      limit + 1,
    );
    const data: WireFile[] = [];
    let [bytes, has_more] = [0, false];
    for (const row of rows) {
      has_more = data.length === limit || bytes >= PAGE_BYTES;
      if (has_more) break;
      const file = wire(row);
      data.push(file);
      bytes += JSON.stringify(file).length;
    }
    const [first, last] = [data[0], data.at(-1)];
    return { object: "list", data, has_more, first_id: first?.id ?? null, last_id: last?.id ?? null };
  }

  /** Forgets files whose time is over, and those deleted that no batch needs any more, so many at once. */
  expire(now: number): void {
    this.#exec(
      `UPDATE files SET deleted_at = ? WHERE seq IN (SELECT seq FROM files
       WHERE expires_at <= ? AND deleted_at IS NULL ORDER BY expires_at LIMIT 500)`,
      ...[now, now],
    );
    this.discard(now);
    this.#exec("DELETE FROM places_of_files WHERE gone_at <= ?", now - PLACE_SECONDS);
  }

  /** Throws away what was deleted and no batch needs. */
  discard(now: number): void {
    this.#storage.transactionSync(() => {
      const rows = this.#exec(
        `SELECT * FROM files WHERE deleted_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM inputs WHERE file_id = files.id) LIMIT 500`,
      );
      for (const { id, created_at, seq, segments } of [...rows]) {
        this.#exec("DELETE FROM files WHERE seq = ?", seq);
        const place = [id, created_at, seq, now];
        this.#exec("INSERT OR REPLACE INTO places_of_files VALUES (?, ?, ?, ?)", ...place);
        this.#trash.throwAway((JSON.parse(segments as string) as Segment[]).map(({ key }) => key));
      }
    });
  }

  /** Where a file stands, or stood, in lists. @throws ResourceNotFoundError */
  #place(id: string): [created_at: unknown, seq: unknown] {
    for (const table of ["files", "places_of_files"]) {
      for (const row of this.#exec(`SELECT created_at, seq FROM ${table} WHERE id = ?`, id)) {
        return [row.created_at, row.seq];
      }
    }
    throw noSuchFile(id, "after");
  }

  #stored(query: string, ...bindings: unknown[]): StoredFile | null {
    for (const row of this.#exec(query, ...bindings)) {
      return { file: wire(row), segments: JSON.parse(row.segments as string) };
    }
    return null;
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
