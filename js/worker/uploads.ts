/** A tenant's uploads: files that come in parts. The parts stay where they are; the file is a list of them. */

import { InvalidRequestError, ResourceNotFoundError } from "../errors.ts";
import type { SqlDurableObjectStorage } from "../hosts/durable-object.ts";
import type { FileIndex, Segment, WireFile } from "./file-index.ts";

/** How long parts may come, in seconds. */
const OPEN_SECONDS = 3600;

/** An upload as on the wire, keys in the order of live objects. */
export interface WireUpload {
  id: string;
  object: "upload";
  bytes: number;
  created_at: number;
  filename: string;
  purpose: string;
  status: "pending" | "completed" | "cancelled" | "expired";
  expires_at: number;
  file?: WireFile;
}

export interface NewUpload {
  id: string;
  filename: string;
  purpose: string;
  bytes: number;
  /** Seconds that the file lives, if not for ever. */
  fileSeconds: number | null;
}

export interface WirePart {
  id: string;
  object: "upload.part";
  created_at: number;
  upload_id: string;
}

type Row = Record<string, unknown>;

export class Uploads {
  readonly #storage: SqlDurableObjectStorage;
  readonly #files: FileIndex;

  constructor(storage: SqlDurableObjectStorage, files: FileIndex) {
    this.#storage = storage;
    this.#files = files;
    this.#exec(`CREATE TABLE IF NOT EXISTS uploads (
      id TEXT PRIMARY KEY, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,
      created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, status TEXT NOT NULL, file_seconds INTEGER,
      file_id TEXT) WITHOUT ROWID`);
    this.#exec(`CREATE TABLE IF NOT EXISTS upload_parts (
      id TEXT PRIMARY KEY, upload_id TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID`);
    this.#exec("CREATE INDEX IF NOT EXISTS upload_parts_by_upload ON upload_parts (upload_id)");
  }

  create(upload: NewUpload, now: number): WireUpload {
    this.#exec(
      `INSERT INTO uploads (id, filename, purpose, bytes, created_at, expires_at, status, file_seconds)
       VALUES (?, ?, ?, ?, ?, ?, 'pending', ?)`,
      ...[
        upload.id,
        upload.filename,
        upload.purpose,
        upload.bytes,
        now,
        now + OPEN_SECONDS,
        upload.fileSeconds,
      ],
    );
    return this.#wire(this.#row(upload.id));
  }

  /** Throws unless parts may come. */
  checkOpen(id: string, now: number): void {
    this.#open(id, now);
  }

  addPart(uploadId: string, part: { id: string; key: string; bytes: number }, now: number): WirePart {
    this.#open(uploadId, now);
    const { id, key, bytes } = part;
    this.#exec(
      "INSERT INTO upload_parts (id, upload_id, key, bytes) VALUES (?, ?, ?, ?)",
      id,
      uploadId,
      key,
      bytes,
    );
    return { id, object: "upload.part", created_at: now, upload_id: uploadId };
  }

  /** The parts of the file to be, and what it is for. Throws unless they make the size that was announced. */
  plan(
    id: string,
    partIds: string[],
    now: number,
  ): { purpose: string; filename: string; segments: Segment[] } {
    const upload = this.#open(id, now);
    const seen = new Set<string>();
    const segments = partIds.map((partId): Segment => {
      const [part] = [...this.#exec("SELECT * FROM upload_parts WHERE id = ? AND upload_id = ?", partId, id)];
      if (!part || seen.has(partId)) {
        const problem = part ? "named twice" : "not part of this upload";
        throw new InvalidRequestError(`Invalid 'part_ids': '${partId}' is ${problem}.`, {
          param: "part_ids",
          code: "invalid_value",
        });
      }
      seen.add(partId);
      return { key: part.key as string, bytes: part.bytes as number };
    });
    const sum = segments.reduce((bytes, segment) => bytes + segment.bytes, 0);
    if (sum !== upload.bytes) {
      throw new InvalidRequestError(
        `The parts have ${sum} bytes together, but the upload was created for ${upload.bytes} bytes.`,
        { param: "part_ids" },
      );
    }
    const { purpose, filename } = upload as { purpose: string; filename: string };
    return { purpose, filename, segments };
  }

  /** Makes the file. Parts that it does not name are thrown away. */
  complete(id: string, partIds: string[], fileId: string, now: number): WireUpload {
    const { purpose, filename, segments } = this.plan(id, partIds, now);
    const upload = this.#row(id);
    const created_at = upload.created_at as number;
    const seconds = upload.file_seconds as number | null;
    const used = new Set(segments.map((segment) => segment.key));
    this.#throwAwayParts(id, (key) => !used.has(key));
    const expires_at = seconds === null ? null : created_at + seconds;
    this.#files.put({ id: fileId, purpose, filename, created_at, expires_at, segments });
    this.#exec("UPDATE uploads SET status = 'completed', file_id = ? WHERE id = ?", fileId, id);
    return this.#wire(this.#row(id), now);
  }

  cancel(id: string, now: number): WireUpload {
    this.#open(id, now);
    this.#throwAwayParts(id, () => true);
    this.#exec("UPDATE uploads SET status = 'cancelled' WHERE id = ?", id);
    return this.#wire(this.#row(id));
  }

  /** Throws away the parts of uploads whose time is over, and forgets uploads a day later. */
  expire(now: number): void {
    const over = "SELECT id FROM uploads WHERE status = 'pending' AND expires_at <= ? LIMIT 100";
    for (const row of [...this.#exec(over, now)]) {
      this.#throwAwayParts(row.id as string, () => true);
      this.#exec("UPDATE uploads SET status = 'expired' WHERE id = ?", row.id);
    }
    this.#exec("DELETE FROM uploads WHERE status <> 'pending' AND expires_at <= ?", now - 86_400);
  }

  #throwAwayParts(id: string, which: (key: string) => boolean): void {
    const keys = [...this.#exec("SELECT key FROM upload_parts WHERE upload_id = ?", id)];
    this.#files.throwAway(keys.map((row) => row.key as string).filter(which));
    this.#exec("DELETE FROM upload_parts WHERE upload_id = ?", id);
  }

  #open(id: string, now: number): Row {
    const upload = this.#row(id);
    const status =
      upload.status === "pending" && (upload.expires_at as number) <= now ? "expired" : upload.status;
    if (status !== "pending") {
      throw new InvalidRequestError(`Upload '${id}' is ${status as string}, and takes no more changes.`);
    }
    return upload;
  }

  #row(id: string): Row {
    for (const row of this.#exec("SELECT * FROM uploads WHERE id = ?", id)) return row;
    throw new ResourceNotFoundError(`No such Upload object: ${id}`, { param: "id" });
  }

  #wire(row: Row, now = 0): WireUpload {
    const file = row.file_id ? this.#files.find(row.file_id as string, now) : null;
    return {
      id: row.id as string,
      object: "upload",
      bytes: row.bytes as number,
      created_at: row.created_at as number,
      filename: row.filename as string,
      purpose: row.purpose as string,
      status: row.status as WireUpload["status"],
      expires_at: row.expires_at as number,
      ...(file && { file: file.file }),
    };
  }

  #exec(query: string, ...bindings: unknown[]): Iterable<Row> {
    return this.#storage.sql.exec(query, ...bindings);
  }
}
