/** A tenant's uploads: files that come in parts. The parts stay where they are; the file is a list of them. */

import { concat } from "../../core/bytes.ts";
import { InvalidRequestError, ResourceNotFoundError } from "../../core/errors.ts";
import type { KV } from "../../core/types.ts";
import {
  atTime,
  ofTime,
  partContent,
  UPLOADS_DUE,
  UPLOADS_SPENT,
  uploadNamed,
  uploadParts,
  uploadRecord,
} from "../keys.ts";
import { type Change, change, decoded, entries } from "./change.ts";
import type { FileIndex } from "./file-index.ts";
import type { Trash } from "./trash.ts";
import type {
  NewPart,
  NewUpload,
  PartBytes,
  Segment,
  UnpackedContent,
  UploadPlan,
  WirePart,
  WireUpload,
} from "./types.ts";

/** How long parts may come, in seconds, and how long an upload is known after that. */
const OPEN_SECONDS = 3600;
export const KNOWN_SECONDS = 86_400;
/** Most parts of a file: the list of them is one value in the index, which takes 2 MB. */
export const MAX_PARTS = 10_000;
/** How often all parts may come: clients send one again whose answer they did not get, two more times. */
const TIMES_SENT = 3;
/** Uploads that are looked at, and parts that are thrown away, at once. */
const MOST_DUE = 100;
const MOST_SPENT = 500;

/** What is kept of an upload. */
export interface UploadRecord extends Omit<WireUpload, "object" | "file"> {
  /** Seconds that the file lives, if not for ever. */
  file_seconds: number | null;
  file_id: string | null;
  /** How much of it has come, in how many parts. */
  part_bytes: number;
  part_count: number;
  /** When it is looked at again: its entry among those that are due. */
  due: number;
}

/** What is kept of a part; its key is empty where its bytes are kept too. */
interface PartRecord {
  key: string;
  bytes: number;
  lines?: number;
}

/** Throws where a quota is used up. */
type Check = (c: Change) => Promise<unknown>;

const allowed: Check = async () => undefined;

export class Uploads {
  readonly #kv: KV;
  readonly #files: FileIndex;
  readonly #trash: Trash;

  constructor(kv: KV, files: FileIndex, trash: Trash) {
    this.#kv = kv;
    this.#files = files;
    this.#trash = trash;
  }

  create(upload: NewUpload, now: number): Promise<WireUpload> {
    const { id, filename, purpose, bytes, fileSeconds } = upload;
    const expires_at = now + OPEN_SECONDS;
    const record: UploadRecord = {
      ...{ id, bytes, created_at: now, filename, purpose, status: "pending", expires_at },
      ...{ file_seconds: fileSeconds, file_id: null, part_bytes: 0, part_count: 0, due: expires_at },
    };
    return change(this.#kv, async (c) => {
      storeUpload(c, record);
      return wire(record);
    });
  }

  /** How many bytes the next part may have. Throws unless parts may come. */
  async room(id: string, now: number): Promise<number> {
    return roomOf(open(await this.#record(id), now));
  }

  /** `check` throws where there is no room for it. */
  addPart(uploadId: string, part: NewPart, now: number, check: Check = allowed): Promise<WirePart> {
    const { id, key = "", bytes, lines = 0, content } = part;
    return change(this.#kv, async (c) => {
      const upload = open(await recordOf(c, uploadId), now);
      if (bytes > roomOf(upload)) throw tooManyBytes();
      await check(c);
      await this.#files.addPending(c, bytes);
      c.set(uploadRecord(uploadId), {
        ...upload,
        part_bytes: upload.part_bytes + bytes,
        part_count: upload.part_count + 1,
      } satisfies UploadRecord);
      storePart(c, uploadId, { id, key, bytes, lines, ...(content && { content }) });
      if (key !== "") await this.#trash.keep(c, [key]);
      return { id, object: "upload.part", created_at: now, upload_id: uploadId };
    });
  }

  /** The parts of the file to be, and what it is for. Throws unless they make the size that was announced. */
  async plan(id: string, partIds: string[], now: number): Promise<UploadPlan> {
    const record = await this.#record(id);
    if (await this.#hasCompleted(record, partIds)) return { completed: await this.#wire(record, now) };
    const { purpose, filename, bytes } = open(record, now);
    const parts = named(partIds, await this.#parts(id));
    const sum = parts.reduce((bytes, part) => bytes + part.bytes, 0);
    if (sum === bytes) return { purpose, filename, parts };
    throw new InvalidRequestError(
      `The parts have ${sum} bytes together, but the upload was created for ${bytes} bytes.`,
      { param: "part_ids" },
    );
  }

  /** The bytes of parts that are kept here, one after the other; null when one is gone. */
  async content(id: string, partIds: string[]): Promise<Uint8Array | null> {
    const found = await Promise.all(partIds.map((partId) => this.#kv.get(partContent(id, partId))));
    const there = found.filter((each) => each !== null);
    return there.length === found.length ? concat(there) : null;
  }

  /**
   * Makes the file, of the parts' objects or of those they were joined in. Other parts are thrown away. `check` throws where
   * there may be no more files. Parts that were packed say what they hold unpacked.
   */
  async complete(
    id: string,
    partIds: string[],
    fileId: string,
    segments: Segment[],
    now: number,
    check: Check = allowed,
    content?: UnpackedContent,
  ): Promise<WireUpload> {
    const plan = await this.plan(id, partIds, now);
    if ("completed" in plan) return plan.completed;
    const ofParts = new Set(plan.parts.map((part) => ("key" in part ? part.key : "")));
    const joined = segments.map(({ key }) => key).filter((key) => !ofParts.has(key));
    const completed = await change(this.#kv, async (c) => {
      const upload = await recordOf(c, id);
      // Another call has completed it since.
      if (upload.status === "completed") return null;
      const { purpose, filename, created_at, file_seconds } = open(upload, now);
      await check(c);
      await this.#files.addPending(c, -upload.part_bytes);
      const expires_at = file_seconds === null ? null : created_at + file_seconds;
      await this.#trash.keep(c, joined);
      const file = await this.#files.add(c, {
        id: fileId,
        purpose,
        filename: content?.filename ?? filename,
        created_at,
        expires_at,
        segments,
        lines: content?.lines ?? plan.parts.reduce((sum, part) => sum + (part.lines ?? 0), 0),
      });
      const record = { ...upload, status: "completed", file_id: fileId } satisfies UploadRecord;
      c.set(uploadRecord(id), record);
      c.set(uploadNamed(id), partIds);
      c.set(UPLOADS_SPENT + id, null);
      return wire(record, file);
    });
    if (completed) return completed;
    return this.complete(id, partIds, fileId, segments, now, check, content);
  }

  cancel(id: string, now: number): Promise<WireUpload> {
    return change(this.#kv, async (c) => {
      const record = { ...open(await recordOf(c, id), now), status: "cancelled" } satisfies UploadRecord;
      c.set(uploadRecord(id), record);
      c.set(UPLOADS_SPENT + id, null);
      await this.#files.addPending(c, -record.part_bytes);
      return wire(record);
    });
  }

  /** Ends uploads whose time is over, and forgets them a day later. */
  async expire(now: number): Promise<void> {
    const due = await this.#kv.list({ prefix: UPLOADS_DUE, limit: MOST_DUE });
    for (const [key] of due.entries) {
      const { time, what: id } = ofTime(UPLOADS_DUE, key);
      if (time > now) break;
      await change(this.#kv, async (c) => {
        const upload = await c.get<UploadRecord>(uploadRecord(id));
        c.delete(key);
        if (!upload) return;
        if (upload.status !== "pending" && upload.due > upload.expires_at) {
          c.delete(uploadRecord(id));
          c.delete(uploadNamed(id));
          return;
        }
        const due = upload.expires_at + KNOWN_SECONDS;
        const status = upload.status === "pending" ? "expired" : upload.status;
        if (upload.status === "pending") {
          c.set(UPLOADS_SPENT + id, null);
          await this.#files.addPending(c, -upload.part_bytes);
        }
        storeUpload(c, { ...upload, status, due });
      });
    }
  }

  /**
   * Throws away parts of an upload that has ended, a limited number at once, except those that a file is made of. Whether there are
   * more.
   */
  async discardParts(): Promise<boolean> {
    const spent = await this.#kv.list({ prefix: UPLOADS_SPENT, limit: 1 });
    const [key] = spent.entries[0] ?? [];
    if (key === undefined) return false;
    const id = key.slice(UPLOADS_SPENT.length);
    const prefix = uploadParts(id);
    const used = await this.#used(id);
    const parts = await this.#kv.list({ prefix, limit: MOST_SPENT });
    await change(this.#kv, async (c) => {
      for (const [partKey, value] of parts.entries) {
        const part = decoded<PartRecord>(value);
        c.delete(partKey);
        if (part.key === "") c.delete(partContent(id, partKey.slice(prefix.length)));
        else if (!used.has(part.key)) this.#trash.throwAway(c, [part.key]);
      }
      if (!parts.more) c.delete(key);
    });
    return parts.more || spent.more;
  }

  /** Objects of the file that was made of an upload, as long as there is one. */
  async #used(id: string): Promise<Set<string>> {
    const upload = await this.#kv.get(uploadRecord(id));
    const fileId = upload && decoded<UploadRecord>(upload).file_id;
    const segments = fileId ? await this.#files.segments(fileId) : [];
    return new Set(segments.map((segment) => segment.key));
  }

  async #hasCompleted(upload: UploadRecord, partIds: string[]): Promise<boolean> {
    if (upload.status !== "completed") return false;
    const value = await this.#kv.get(uploadNamed(upload.id));
    return value !== null && decoded<string[]>(value).join() === partIds.join();
  }

  async #parts(id: string): Promise<Map<string, PartRecord>> {
    const parts = new Map<string, PartRecord>();
    const prefix = uploadParts(id);
    for await (const [key, value] of entries(this.#kv, prefix)) {
      parts.set(key.slice(prefix.length), decoded<PartRecord>(value));
    }
    return parts;
  }

  async #record(id: string): Promise<UploadRecord> {
    const value = await this.#kv.get(uploadRecord(id));
    if (!value) throw noSuchUpload(id);
    return decoded<UploadRecord>(value);
  }

  async #wire(upload: UploadRecord, now: number): Promise<WireUpload> {
    const file = upload.file_id === null ? null : await this.#files.find(upload.file_id, now);
    return wire(upload, file?.file);
  }
}

/** An upload, and when it is looked at again. */
export function storeUpload(c: Change, record: UploadRecord): void {
  c.set(uploadRecord(record.id), record);
  c.set(atTime(UPLOADS_DUE, record.due, record.id), null);
}

export function storePart(
  c: Change,
  uploadId: string,
  { id, key = "", bytes, lines, content }: NewPart,
): void {
  const record: PartRecord = { key, bytes, ...(lines !== undefined && { lines }) };
  c.set(uploadParts(uploadId) + id, record);
  if (content) c.setBytes(partContent(uploadId, id), content);
}

async function recordOf(c: Change, id: string): Promise<UploadRecord> {
  const upload = await c.get<UploadRecord>(uploadRecord(id));
  if (!upload) throw noSuchUpload(id);
  return upload;
}

/** The upload, if it takes parts. @throws InvalidRequestError */
function open(upload: UploadRecord, now: number): UploadRecord {
  const { id, status, expires_at } = upload;
  const is = status === "pending" && expires_at <= now ? "expired" : status;
  if (is === "pending") return upload;
  throw new InvalidRequestError(`Upload '${id}' is ${is}, and takes no more changes.`);
}

function roomOf({ id, bytes, part_bytes, part_count }: UploadRecord): number {
  if (part_count >= MAX_PARTS) {
    throw new InvalidRequestError(`Upload '${id}' has ${MAX_PARTS} parts, and takes no more.`);
  }
  return Math.min(bytes, TIMES_SENT * bytes - part_bytes);
}

/** The parts that a call names. @throws InvalidRequestError when one is none, or is named twice */
function named(partIds: string[], known: Map<string, PartRecord>): PartBytes[] {
  const seen = new Set<string>();
  return partIds.map((id): PartBytes => {
    const part = known.get(id);
    if (!part || seen.has(id)) {
      const problem = part ? "named twice" : "not part of this upload";
      const message = `Invalid 'part_ids': '${id}' is ${problem}.`;
      throw new InvalidRequestError(message, { param: "part_ids", code: "invalid_value" });
    }
    seen.add(id);
    const { key, bytes, lines } = part;
    return { id, bytes, ...(lines !== undefined && { lines }), ...(key === "" ? { kept: true } : { key }) };
  });
}

function wire(upload: UploadRecord, file?: WireUpload["file"]): WireUpload {
  const { id, bytes, created_at, filename, purpose, status, expires_at } = upload;
  return {
    ...{ id, object: "upload", bytes, created_at, filename, purpose, status, expires_at },
    ...(file && { file }),
  };
}

function noSuchUpload(id: string): ResourceNotFoundError {
  return new ResourceNotFoundError(`No such Upload object: ${id}`, { param: "id" });
}

export function tooManyBytes(): InvalidRequestError {
  return new InvalidRequestError("The parts have more bytes than the upload was created for.", {
    param: "data",
  });
}
