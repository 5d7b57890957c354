/** A tenant's files: everything about them but their bytes, which are in objects; and which of them batches hold. */

import { ResourceNotFoundError } from "../../core/errors.ts";
import type { KV } from "../../core/types.ts";
import {
  atTime,
  FILE_TOTALS,
  FILES_DUE,
  FILES_GONE,
  fileBytes,
  fileGone,
  fileRecord,
  filesListed,
  heldInput,
  ofTime,
  sortable,
} from "../keys.ts";
import { Change, change, decoded } from "./change.ts";
import type { Trash } from "./trash.ts";
import type { FileList, FileQuery, NewFile, Segment, StoredFile, WireFile } from "./types.ts";

/** Most of one page, as JSON: a longer list comes in several. */
const PAGE_BYTES = 256 * 1024;
/** Entries of a list that are read at once. Names are long. */
const READ_AT_ONCE = 100;
/** How long the position of a file that is gone is kept for pagers, in seconds: a year. */
const PLACE_SECONDS = 31_536_000;
/** Files that are forgotten at once as their time is over. */
const MOST_EXPIRED = 500;

/** What the index has of one file. */
export interface FileRecord {
  file: WireFile;
  /** Its number: files of the same second keep the order they were made in. */
  seq: number;
  /** How many batches that have not ended read it. */
  holders: number;
  /** When users deleted it, or it expired, while a batch holds it. */
  deleted_at: number | null;
  /** How many lines it has, where they were counted. */
  lines?: number;
}

export interface FileTotals {
  files: number;
  bytes: number;
  /** The number of the newest. */
  seq: number;
  /** Bytes of parts of uploads that are no file yet. */
  pending?: number;
  /** Lines of inputs that batches hold which have not ended. */
  held_lines?: number;
}

export class FileIndex {
  readonly #kv: KV;
  readonly #trash: Trash;

  constructor(kv: KV, trash: Trash) {
    this.#kv = kv;
    this.#trash = trash;
  }

  /** Adds a file, or replaces the one of the same id. */
  async put(c: Change, file: NewFile): Promise<WireFile> {
    await this.#trash.keep(
      c,
      file.segments.map((segment) => segment.key),
    );
    return this.add(c, file);
  }

  /** The same of a file whose objects are not in the trash. */
  async add(c: Change, { segments, lines, ...about }: NewFile): Promise<WireFile> {
    const { id, purpose, filename, created_at, expires_at } = about;
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const file: WireFile = {
      ...{ object: "file", id, purpose, filename, bytes, created_at, expires_at },
      ...{ status: "processed", status_details: null },
    };
    const [before, totals] = [await c.get<FileRecord>(fileRecord(id)), await totalsOf(c)];
    if (before) {
      unlist(c, before);
      // A file that is written again may be made of fewer objects.
      const named = new Set(segments.map(({ key }) => key));
      const gone = (await this.segments(id)).map(({ key }) => key).filter((key) => !named.has(key));
      this.#trash.throwAway(c, gone);
    }
    const seq = before?.seq ?? totals.seq + 1;
    const record: FileRecord = { file, seq, holders: before?.holders ?? 0, deleted_at: null };
    storeFile(c, { ...record, ...(lines !== undefined && { lines }) }, segments);
    c.set(FILE_TOTALS, {
      ...totals,
      files: totals.files + (before ? 0 : 1),
      bytes: totals.bytes + bytes - (before?.file.bytes ?? 0),
      seq: Math.max(totals.seq, seq),
    } satisfies FileTotals);
    return file;
  }

  /** The file, unless it was deleted or has expired. */
  async find(id: string, now: number): Promise<StoredFile | null> {
    const record = await this.#record(id);
    return record && isVisible(record, now) ? this.#stored(record) : null;
  }

  /** The file a batch reads: what it held when it was created it may read to its end. */
  async findInput(batchId: string, id: string, now: number): Promise<StoredFile | null> {
    const record = await this.#record(id);
    if (!record) return null;
    const held = isVisible(record, now) || (await this.#heldBy(batchId)) === id;
    return held ? this.#stored(record) : null;
  }

  /** The file. @throws ResourceNotFoundError */
  async get(id: string, now: number): Promise<StoredFile> {
    const found = await this.find(id, now);
    if (!found) throw noSuchFile(id);
    return found;
  }

  /** Where the bytes of a file are, also of one that only batches see. */
  async segments(id: string): Promise<Segment[]> {
    const segments = await this.#kv.get(fileBytes(id));
    return segments ? decoded<Segment[]>(segments) : [];
  }

  /** How many files there are, and their bytes together. */
  total(c = new Change(this.#kv)): Promise<FileTotals> {
    return totalsOf(c);
  }

  /** Parts of uploads have come, or are no parts any more. */
  async addPending(c: Change, bytes: number): Promise<void> {
    const totals = await totalsOf(c);
    // Parts from before they were counted are taken off as well.
    const pending = Math.max((totals.pending ?? 0) + bytes, 0);
    c.set(FILE_TOTALS, { ...totals, pending } satisfies FileTotals);
  }

  /** Forgets a file. Its bytes go to the trash, once no batch needs them. @throws ResourceNotFoundError */
  remove(id: string, now: number): Promise<void> {
    return change(this.#kv, async (c) => {
      const record = await c.get<FileRecord>(fileRecord(id));
      if (!record || !isVisible(record, now)) throw noSuchFile(id);
      await this.#forget(c, record, now);
    });
  }

  /** A batch that is created holds its input, if it is there: no call to delete it can come between. */
  async hold(c: Change, batchId: string, id: string, now: number): Promise<void> {
    const record = await c.get<FileRecord>(fileRecord(id));
    if (!record || !isVisible(record, now) || (await c.get(heldInput(batchId))) !== null) return;
    c.set(heldInput(batchId), id);
    c.set(fileRecord(id), { ...record, holders: record.holders + 1 });
    await addHeldLines(c, record.lines ?? 0);
  }

  /** A batch has ended. */
  async release(c: Change, batchId: string, now: number): Promise<void> {
    const id = await c.get<string>(heldInput(batchId));
    if (id === null) return;
    c.delete(heldInput(batchId));
    const found = await c.get<FileRecord>(fileRecord(id));
    if (!found) return;
    const record = { ...found, holders: found.holders - 1 };
    c.set(fileRecord(id), record);
    await addHeldLines(c, -(record.lines ?? 0));
    if (record.deleted_at !== null && record.holders === 0) await this.#drop(c, record, now);
  }

  /**
   * A page. Files of the same second keep the order they were made in. It may end before its limit, with more to come:
   * names are long, and lists of ten thousand are asked for.
   */
  async list(query: FileQuery, now: number): Promise<FileList> {
    const { limit, order, purpose } = query;
    const prefix = filesListed(purpose);
    const reverse = order === "desc";
    let after = query.after === undefined ? undefined : prefix + (await this.#place(query.after));
    const data: WireFile[] = [];
    let [bytes, has_more, more] = [0, false, true];
    while (more && !has_more) {
      // One more than is wanted, to know that it is there.
      const wanted = Math.min(limit - data.length + 1, READ_AT_ONCE);
      const page = await this.#kv.list({
        prefix,
        limit: wanted,
        reverse,
        ...(after !== undefined && { after }),
      });
      more = page.more && page.entries.length > 0;
      after = page.entries.at(-1)?.[0];
      for (const [, value] of page.entries) {
        const file = decoded<WireFile>(value);
        if (isOver(file, now)) continue;
        has_more = data.length === limit || bytes >= PAGE_BYTES;
        if (has_more) break;
        data.push(file);
        bytes += value.length;
      }
    }
    const [first, last] = [data[0], data.at(-1)];
    return { object: "list", data, has_more, first_id: first?.id ?? null, last_id: last?.id ?? null };
  }

  /** Forgets expired files, a limited number at once, and in the end their positions in lists. */
  async expire(now: number): Promise<void> {
    const due = await this.#kv.list({ prefix: FILES_DUE, limit: MOST_EXPIRED });
    for (const [key] of due.entries) {
      const { time, what: id } = ofTime(FILES_DUE, key);
      if (time > now) break;
      await change(this.#kv, async (c) => {
        const record = await c.get<FileRecord>(fileRecord(id));
        if (record?.deleted_at === null && isOver(record.file, now)) await this.#forget(c, record, now);
        c.delete(key);
      });
    }
    const gone = await this.#kv.list({ prefix: FILES_GONE, limit: MOST_EXPIRED });
    for (const [key] of gone.entries) {
      const { time, what: id } = ofTime(FILES_GONE, key);
      if (time > now - PLACE_SECONDS) break;
      await change(this.#kv, async (c) => {
        c.delete(key);
        c.delete(fileGone(id));
      });
    }
  }

  /** Users see the file no more; its bytes go at once, or with the last batch that holds it. */
  async #forget(c: Change, record: FileRecord, now: number): Promise<void> {
    unlist(c, record);
    if (record.holders === 0) return this.#drop(c, record, now);
    c.set(fileRecord(record.file.id), { ...record, deleted_at: now } satisfies FileRecord);
  }

  async #drop(c: Change, record: FileRecord, now: number): Promise<void> {
    const { id, bytes } = record.file;
    const [segments, totals] = [await c.get<Segment[]>(fileBytes(id)), await totalsOf(c)];
    c.delete(fileRecord(id));
    c.delete(fileBytes(id));
    c.set(FILE_TOTALS, { ...totals, files: totals.files - 1, bytes: totals.bytes - bytes });
    storePlace(c, record, now);
    this.#trash.throwAway(
      c,
      (segments ?? []).map((segment) => segment.key),
    );
  }

  /** Where a file stands, or stood, in lists. @throws ResourceNotFoundError */
  async #place(id: string): Promise<string> {
    const record = await this.#record(id);
    if (record) return placeOf(record);
    const gone = await this.#kv.get(fileGone(id));
    if (gone) return decoded<string>(gone);
    throw noSuchFile(id, "after");
  }

  async #heldBy(batchId: string): Promise<string | null> {
    const held = await this.#kv.get(heldInput(batchId));
    return held && decoded<string>(held);
  }

  async #record(id: string): Promise<FileRecord | null> {
    const record = await this.#kv.get(fileRecord(id));
    return record && decoded<FileRecord>(record);
  }

  /** Null when the file has gone between the two reads. */
  async #stored({ file }: FileRecord): Promise<StoredFile | null> {
    const segments = await this.#kv.get(fileBytes(file.id));
    return segments && { file, segments: decoded<Segment[]>(segments) };
  }
}

export function noSuchFile(id: string, param = "id"): ResourceNotFoundError {
  return new ResourceNotFoundError(`No such File object: ${id}`, { param });
}

async function totalsOf(c: Change): Promise<FileTotals> {
  return (await c.get<FileTotals>(FILE_TOTALS)) ?? { files: 0, bytes: 0, seq: 0 };
}

async function addHeldLines(c: Change, lines: number): Promise<void> {
  if (lines === 0) return;
  const totals = await totalsOf(c);
  c.set(FILE_TOTALS, { ...totals, held_lines: Math.max((totals.held_lines ?? 0) + lines, 0) });
}

function isVisible({ file, deleted_at }: FileRecord, now: number): boolean {
  return deleted_at === null && !isOver(file, now);
}

function isOver({ expires_at }: WireFile, now: number): boolean {
  return expires_at !== null && expires_at <= now;
}

/** Sorts as lists do. */
function placeOf({ file, seq }: Place): string {
  return `${sortable(file.created_at)}:${sortable(seq)}`;
}

type Place = { file: Pick<WireFile, "id" | "created_at">; seq: number };

/** All that is kept of a file. */
export function storeFile(c: Change, record: FileRecord, segments: Segment[]): void {
  c.set(fileRecord(record.file.id), record);
  c.set(fileBytes(record.file.id), segments);
  if (record.deleted_at === null) list(c, record);
}

/** What is kept of a file that is gone, and since when. */
export function storePlace(c: Change, place: Place, goneAt: number): void {
  c.set(fileGone(place.file.id), placeOf(place));
  c.set(atTime(FILES_GONE, goneAt, place.file.id), null);
}

function list(c: Change, record: FileRecord): void {
  const { file } = record;
  for (const purpose of [undefined, file.purpose]) c.set(filesListed(purpose) + placeOf(record), file);
  if (file.expires_at !== null) c.set(atTime(FILES_DUE, file.expires_at, file.id), null);
}

function unlist(c: Change, record: FileRecord): void {
  const { file } = record;
  for (const purpose of [undefined, file.purpose]) c.delete(filesListed(purpose) + placeOf(record));
  if (file.expires_at !== null) c.delete(atTime(FILES_DUE, file.expires_at, file.id));
}
