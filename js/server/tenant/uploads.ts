/** A tenant's uploads: files that come in parts. The parts stay where they are; the file is a list of them. */

import { InvalidRequestError, ResourceNotFoundError } from "../../core/errors.ts";
import type { SqlDurableObjectStorage } from "../../hosts/kv/durable-object.ts";
import { addColumn } from "../../worker/schema.ts";
import type { FileIndex, Segment, WireFile } from "./file-index.ts";
import type { Trash } from "./trash.ts";

/** How long parts may come, in seconds. */
const OPEN_SECONDS = 3600;
/** Most parts of a file: the list of them is one value in the index, which takes 2 MB. */
export const MAX_PARTS = 10_000;
/** How often all parts may come: clients send one again whose answer they did not get, two more times. */
const TIMES_SENT = 3;

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

/** A part that has come: its bytes in R2, or themselves. */
export interface NewPart {
  id: string;
  bytes: number;
  key?: string;
  content?: Uint8Array;
}

/** Bytes of an upload: an object in R2, or a part that is small enough to be kept here until the file is made. */
export type PartBytes = { id: string; bytes: number } & ({ key: string } | { kept: true });

/** What `complete` is to do: make a file of these, or nothing, as an earlier call has done it. */
export type UploadPlan =
  | { purpose: string; filename: string; parts: PartBytes[] }
  | { completed: WireUpload };

type Row = Record<string, unknown>;

export class Uploads {
  readonly #storage: SqlDurableObjectStorage;
  readonly #files: FileIndex;
  readonly #trash: Trash;

  constructor(storage: SqlDurableObjectStorage, files: FileIndex, trash: Trash) {
    this.#storage = storage;
    this.#files = files;
    this.#trash = trash;
    this.#exec(`CREATE TABLE IF NOT EXISTS uploads (
      id TEXT PRIMARY KEY, filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL,
      created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, status TEXT NOT NULL, file_seconds INTEGER,
      file_id TEXT) WITHOUT ROWID`);
    // How much of it has come, in how many parts; and, of a completed one, which parts were named.
    addColumn(storage.sql, "uploads", "part_bytes", "INTEGER NOT NULL DEFAULT 0");
    addColumn(storage.sql, "uploads", "part_count", "INTEGER NOT NULL DEFAULT 0");
    addColumn(storage.sql, "uploads", "named_parts", "TEXT");
    this.#exec(`CREATE TABLE IF NOT EXISTS upload_parts (
      id TEXT PRIMARY KEY, upload_id TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID`);
    // The bytes of a small part; it has no key then.
    addColumn(storage.sql, "upload_parts", "content", "BLOB");
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

  /** How many bytes the next part may have. Throws unless parts may come. */
  room(id: string, now: number): number {
    const upload = this.#open(id, now) as { bytes: number; part_bytes: number; part_count: number };
    if (upload.part_count >= MAX_PARTS) {
      throw new InvalidRequestError(`Upload '${id}' has ${MAX_PARTS} parts, and takes no more.`);
    }
    return Math.min(upload.bytes, TIMES_SENT * upload.bytes - upload.part_bytes);
  }

  addPart(uploadId: string, part: NewPart, now: number): WirePart {
    const { id, key = "", bytes, content = null } = part;
    if (bytes > this.room(uploadId, now)) throw tooManyBytes();
    this.#storage.transactionSync(() => {
      this.#exec(
        "INSERT INTO upload_parts (id, upload_id, key, bytes, content) VALUES (?, ?, ?, ?, ?)",
        ...[id, uploadId, key, bytes, content],
      );
      this.#exec(
        "UPDATE uploads SET part_bytes = part_bytes + ?, part_count = part_count + 1 WHERE id = ?",
        ...[bytes, uploadId],
      );
      if (key !== "") this.#trash.keep([key]);
    });
    return { id, object: "upload.part", created_at: now, upload_id: uploadId };
  }

  /** The parts of the file to be, and what it is for. Throws unless they make the size that was announced. */
  plan(id: string, partIds: string[], now: number): UploadPlan {
    const row = this.#row(id);
    if (row.status === "completed" && row.named_parts === partIds.join()) {
      return { completed: this.#wire(row, now) };
    }
    const upload = this.#open(id, now);
    const seen = new Set<string>();
    const known = new Map<unknown, { key: string; bytes: number }>();
    for (const row of this.#exec("SELECT id, key, bytes FROM upload_parts WHERE upload_id = ?", id)) {
      known.set(row.id, row as never);
    }
    const parts = partIds.map((partId): PartBytes => {
      const part = known.get(partId);
      if (!part || seen.has(partId)) {
        const problem = part ? "named twice" : "not part of this upload";
        throw new InvalidRequestError(`Invalid 'part_ids': '${partId}' is ${problem}.`, {
          param: "part_ids",
          code: "invalid_value",
        });
      }
      seen.add(partId);
      const { key, bytes } = part;
      return { id: partId, bytes, ...(key === "" ? { kept: true } : { key }) };
    });
    const sum = parts.reduce((bytes, part) => bytes + part.bytes, 0);
    if (sum !== upload.bytes) {
      throw new InvalidRequestError(
        `The parts have ${sum} bytes together, but the upload was created for ${upload.bytes} bytes.`,
        { param: "part_ids" },
      );
    }
    const { purpose, filename } = upload as { purpose: string; filename: string };
    return { purpose, filename, parts };
  }

  /** The bytes of parts that are kept here, one after the other; null when one is gone. */
  content(id: string, partIds: string[]): Uint8Array | null {
    const found: Uint8Array[] = [];
    for (const partId of partIds) {
      const query = "SELECT content FROM upload_parts WHERE id = ? AND upload_id = ? AND key = ''";
      const [row] = [...this.#exec(query, partId, id)];
      if (!row) return null;
      found.push(new Uint8Array(row.content as ArrayBuffer));
    }
    const bytes = new Uint8Array(found.reduce((sum, each) => sum + each.length, 0));
    let at = 0;
    for (const each of found) {
      bytes.set(each, at);
      at += each.length;
    }
    return bytes;
  }

  /** Makes the file, of the parts' objects or of those they were joined in. Other parts are thrown away. */
  complete(id: string, partIds: string[], fileId: string, segments: Segment[], now: number): WireUpload {
    const plan = this.plan(id, partIds, now);
    if ("completed" in plan) return plan.completed;
    const { purpose, filename } = plan;
    const upload = this.#row(id);
    const created_at = upload.created_at as number;
    const seconds = upload.file_seconds as number | null;
    const used = new Set(segments.map((segment) => segment.key));
    const expires_at = seconds === null ? null : created_at + seconds;
    this.#storage.transactionSync(() => {
      this.#throwAwayParts(id, (key) => !used.has(key));
      this.#files.put({ id: fileId, purpose, filename, created_at, expires_at, segments });
      this.#exec(
        "UPDATE uploads SET status = 'completed', file_id = ?, named_parts = ? WHERE id = ?",
        ...[fileId, partIds.join(), id],
      );
    });
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
    const keys = [...this.#exec("SELECT key FROM upload_parts WHERE upload_id = ? AND key <> ''", id)];
    this.#trash.throwAway(keys.map((row) => row.key as string).filter(which));
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

export function tooManyBytes(): InvalidRequestError {
  return new InvalidRequestError("The parts have more bytes than the upload was created for.", {
    param: "data",
  });
}
