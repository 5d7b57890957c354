/** What earlier builds kept in SQL tables of their own: it moves to the key-value store when a Tenant starts. */

import { DurableObjectKV, type SqlDurableObjectStorage } from "../hosts/kv/durable-object.ts";
import { FILE_TOTALS, heldInput, SEATS, uploadNamed, WASTE } from "../server/keys.ts";
import { Change } from "../server/tenant/change.ts";
import { type FileTotals, storeFile, storePlace } from "../server/tenant/file-index.ts";
import type { SeatRecord } from "../server/tenant/seats.ts";
import { storeWriting, type Writing } from "../server/tenant/trash.ts";
import type { WireFile, WireUpload } from "../server/tenant/types.ts";
import { KNOWN_SECONDS, storePart, storeUpload } from "../server/tenant/uploads.ts";

/** Their columns, as `SELECT *` gives them. What was added to a table later may be missing. */
interface Tables {
  files: Omit<WireFile, "object" | "status" | "status_details"> & {
    seq: number;
    segments: string;
    deleted_at?: number | null;
  };
  places_of_files: { id: string; created_at: number; seq: number; gone_at: number };
  inputs: { batch_id: string; file_id: string };
  uploads: Omit<WireUpload, "object" | "file"> & {
    file_seconds: number | null;
    file_id: string | null;
    part_bytes?: number;
    part_count?: number;
    named_parts?: string | null;
  };
  upload_parts: { id: string; upload_id: string; key: string; bytes: number; content?: ArrayBuffer | null };
  trash: { key: string; not_before?: number };
  multiparts: { upload_id: string; key: string; not_before: number };
  places: { id: string } & Partial<SeatRecord>;
}

const NAMES: (keyof Tables)[] = [
  ...(["files", "places_of_files", "inputs", "uploads", "upload_parts"] as const),
  ...(["trash", "multiparts", "places"] as const),
];

/** All or nothing: what is cut off begins again with the next start. */
export function adoptTables(storage: SqlDurableObjectStorage): void {
  const tables = [...storage.sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'")];
  const old = new Set(NAMES.filter((name) => tables.some((row) => row.name === name)));
  if (old.size === 0) return;
  const kv = new DurableObjectKV(storage);
  const rows = <T extends keyof Tables>(table: T) =>
    (old.has(table) ? storage.sql.exec(`SELECT * FROM ${table}`) : []) as Iterable<Tables[T]>;
  const write = (fill: (c: Change) => void) => {
    const c = new Change(kv);
    fill(c);
    for (const op of c.ops()) {
      if (op.type !== "set") continue;
      const key = new TextEncoder().encode(op.key);
      storage.sql.exec("INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)", key, op.value);
    }
  };
  storage.transactionSync(() => {
    adoptFiles(rows, write);
    adoptUploads(rows, write);
    adoptTrash(rows, write);
    for (const { id, ...seat } of rows("places")) {
      const { generation = 0, turn = 0, wake_at = null, lost_calls = 0, lost_since = null } = seat;
      const record: SeatRecord = { generation, turn, wake_at, lost_calls, lost_since };
      write((c) => c.set(SEATS + id, record));
    }
    for (const table of old) storage.sql.exec(`DROP TABLE ${table}`);
  });
}

type Rows = <T extends keyof Tables>(table: T) => Iterable<Tables[T]>;
type Write = (fill: (c: Change) => void) => void;

function adoptFiles(rows: Rows, write: Write): void {
  const holders = new Map<string, number>();
  for (const { batch_id, file_id } of rows("inputs")) {
    holders.set(file_id, (holders.get(file_id) ?? 0) + 1);
    write((c) => c.set(heldInput(batch_id), file_id));
  }
  const totals: FileTotals = { files: 0, bytes: 0, seq: 0 };
  for (const { seq, segments, deleted_at = null, ...row } of rows("files")) {
    const { id, purpose, filename, bytes, created_at, expires_at } = row;
    const file: WireFile = {
      ...{ object: "file", id, purpose, filename, bytes, created_at, expires_at },
      ...{ status: "processed", status_details: null },
    };
    const record = { file, seq, holders: holders.get(id) ?? 0, deleted_at };
    write((c) => storeFile(c, record, JSON.parse(segments)));
    totals.files += 1;
    totals.bytes += bytes;
    totals.seq = Math.max(totals.seq, seq);
  }
  for (const { id, created_at, seq, gone_at } of rows("places_of_files")) {
    write((c) => storePlace(c, { file: { id, created_at }, seq }, gone_at));
    totals.seq = Math.max(totals.seq, seq);
  }
  write((c) => c.set(FILE_TOTALS, totals));
}

function adoptUploads(rows: Rows, write: Write): void {
  for (const { named_parts = null, part_bytes = 0, part_count = 0, ...upload } of rows("uploads")) {
    const due = upload.expires_at + (upload.status === "pending" ? 0 : KNOWN_SECONDS);
    write((c) => {
      storeUpload(c, { ...upload, part_bytes, part_count, due });
      if (named_parts !== null) c.set(uploadNamed(upload.id), named_parts.split(","));
    });
  }
  for (const { id, upload_id, key, bytes, content } of rows("upload_parts")) {
    const kept = content ? { content: new Uint8Array(content) } : {};
    write((c) => storePart(c, upload_id, { id, key, bytes, ...kept }));
  }
}

function adoptTrash(rows: Rows, write: Write): void {
  const writing = new Map<string, Writing>();
  for (const { key, not_before = 0 } of rows("trash")) {
    if (not_before > 0) writing.set(key, { until: not_before, isNew: true, uploadIds: [] });
    else write((c) => c.setBytes(WASTE + key, new Uint8Array(0)));
  }
  for (const { key, upload_id, not_before } of rows("multiparts")) {
    const { until, isNew, uploadIds } = writing.get(key) ?? {
      until: not_before,
      isNew: false,
      uploadIds: [],
    };
    writing.set(key, { until, isNew, uploadIds: [...uploadIds, upload_id] });
  }
  for (const [key, entry] of writing) write((c) => storeWriting(c, key, entry));
}
