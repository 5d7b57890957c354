/** A turn's files: the tenant's input files, results of a batch that is continued, and the two files that the batch makes. */

import { ResourceNotFoundError } from "../../core/errors.ts";
import { newFileId } from "../../core/file-id.ts";
import type { FileObject, Files, FileWriter } from "../../core/types.ts";
import { segmentKey } from "../keys.ts";
import { logError } from "../log.ts";
import type { Blobs, BlobWriter } from "../ports.ts";
import { LostObjectError, readSegments } from "../stored-bytes.ts";
import type { TurnApi } from "./api.ts";
import type { Segment } from "./types.ts";

/** What is written again at most after a turn was cut off: some seconds of work. Output of ten million requests is 100 objects. */
const KEEP_BYTES = 128 * 1024 * 1024;
/** Objects that are looked at together. */
const LOOKED_AT_ONCE = 8;

export class RunFiles implements Files {
  readonly keepBytes: number;
  readonly #blobs: Blobs;
  readonly #tenant: () => TurnApi;
  readonly #tenantName: string;
  readonly #batchId: string;
  readonly #turn: () => number;
  readonly #readMs: number;
  readonly #segments = new Map<string, Segment[]>();

  constructor(options: {
    blobs: Blobs;
    /** Asked for each call: on some platforms what it gives does not outlive the tenant's restart. */
    tenant: () => TurnApi;
    tenantName: string;
    batchId: string;
    turn: number | (() => number);
    /** How long a read may take. Default 60,000. */
    readMs?: number;
    /** After how many bytes the files that are made are kept. Default 128 MiB. */
    keepBytes?: number;
  }) {
    this.#readMs = options.readMs ?? 60_000;
    this.keepBytes = options.keepBytes ?? KEEP_BYTES;
    this.#blobs = options.blobs;
    this.#tenant = options.tenant;
    this.#tenantName = options.tenantName;
    this.#batchId = options.batchId;
    const { turn } = options;
    this.#turn = typeof turn === "number" ? () => turn : turn;
  }

  async retrieve(id: string, holder?: string): Promise<FileObject | null> {
    const tenant = this.#tenant();
    const found = await (holder === undefined
      ? tenant.runnerFile(id)
      : tenant.runnerInput(this.#batchId, id));
    if (found) this.#segments.set(id, found.segments);
    else this.#segments.delete(id);
    return found?.file ?? null;
  }

  async read(id: string, offset: number, length: number, holder?: string): Promise<Uint8Array> {
    const segments = this.#segments.get(id) ?? ((await this.retrieve(id, holder)) && this.#segments.get(id));
    if (!segments) throw new ResourceNotFoundError(`No such File object: ${id}`, { param: "id" });
    try {
      const bytes = await this.#inTime(id, readSegments(this.#blobs, segments, offset, length));
      if (bytes) return bytes;
      throw new LostObjectError("an object that holds some of it is gone");
    } catch (error) {
      if (!(error instanceof LostObjectError)) throw error;
      // No other try would find more. The batch says which file, the log which object.
      logError("input.lost", error, { batch: this.#batchId, file: id });
      throw new ResourceNotFoundError(`The store has lost bytes of the file ${id}.`, { param: "id" });
    }
  }

  /** A store whose bytes are damaged may never answer: that is a fault like any other, and is logged as one. */
  async #inTime<T>(id: string, read: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, fail) => {
      const message = `The store does not give the bytes of the file ${id}: no answer in ${this.#readMs} ms.`;
      timer = setTimeout(() => fail(new Error(message)), this.#readMs);
    });
    try {
      return await Promise.race([read, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * One that was being written goes on behind the objects that it has.
   * @throws ResourceNotFoundError when one of them is gone
   */
  async resume(
    options: { filename: string; purpose: string; id: string },
    kept: string,
  ): Promise<FileWriter> {
    const segments: Segment[] = JSON.parse(kept);
    const keys = segments.map(({ key }) => key);
    // They are waste from a day after they were begun, should nothing name them then.
    await this.#tenant().runnerStarts(this.#batchId, this.#turn(), options.id, ...keys);
    for (let at = 0; at < segments.length; at += LOOKED_AT_ONCE) {
      const some = segments.slice(at, at + LOOKED_AT_ONCE);
      const ends = some.map(({ key, bytes }) => this.#blobs.read(key, bytes - 1, 1));
      const found = await this.#inTime(options.id, Promise.all(ends));
      if (found.every((end) => end?.length === 1)) continue;
      throw new ResourceNotFoundError(`What was kept of the file ${options.id} is gone.`, { param: "id" });
    }
    return this.#writer(options, segments);
  }

  async create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter> {
    return this.#writer({ id: newFileId(), ...options }, []);
  }

  /** A file is an object, or several, each of which begins where the one before ends. */
  #writer(
    { id, filename, purpose }: { id: string; filename: string; purpose: string },
    kept: Segment[],
  ): FileWriter {
    const segments = [...kept];
    let next: { key: string; writer: BlobWriter } | undefined;
    const open = async () => {
      const offset = segments.reduce((sum, { bytes }) => sum + bytes, 0);
      const key = segmentKey(this.#tenantName, id, offset);
      await this.#tenant().runnerStarts(this.#batchId, this.#turn(), id, key);
      const writer = this.#blobs.write(key, (uploadId) => this.#tenant().expectMultipart(key, uploadId));
      next = { key, writer };
      return next;
    };
    const close = async () => {
      if (next) segments.push({ key: next.key, bytes: await next.writer.complete() });
      next = undefined;
    };
    return {
      write: async (part) => (next ?? (await open())).writer.write(part),
      keep: async () => {
        await close();
        return JSON.stringify(segments);
      },
      complete: async () => {
        if (segments.length === 0 && !next) await open();
        await close();
        return this.#tenant().runnerOutput(this.#batchId, this.#turn(), { id, filename, purpose, segments });
      },
      abort: async () => next?.writer.abort(),
    };
  }
}
