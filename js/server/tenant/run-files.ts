/** A turn's files: the tenant's input files, results of a batch that is continued, and the two files that the batch makes. */

import { ResourceNotFoundError } from "../../core/errors.ts";
import { newFileId } from "../../core/file-id.ts";
import type { FileObject, Files, FileWriter } from "../../core/types.ts";
import { fileKey } from "../keys.ts";
import { logError } from "../log.ts";
import type { Blobs } from "../ports.ts";
import { LostObjectError, readSegments } from "../stored-bytes.ts";
import type { TurnApi } from "./api.ts";
import type { Segment } from "./types.ts";

export class RunFiles implements Files {
  readonly #blobs: Blobs;
  readonly #tenant: () => TurnApi;
  readonly #tenantName: string;
  readonly #batchId: string;
  readonly #turn: number;
  readonly #readMs: number;
  readonly #segments = new Map<string, Segment[]>();

  constructor(options: {
    blobs: Blobs;
    /** Asked for each call: on some platforms what it gives does not outlive the tenant's restart. */
    tenant: () => TurnApi;
    tenantName: string;
    batchId: string;
    turn: number;
    /** How long a read may take. Default 60,000. */
    readMs?: number;
  }) {
    this.#readMs = options.readMs ?? 60_000;
    this.#blobs = options.blobs;
    this.#tenant = options.tenant;
    this.#tenantName = options.tenantName;
    this.#batchId = options.batchId;
    this.#turn = options.turn;
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

  async create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter> {
    const { filename, purpose, id = newFileId() } = options;
    const key = fileKey(this.#tenantName, id);
    await this.#tenant().runnerStarts(this.#batchId, this.#turn, id, key);
    const writer = this.#blobs.write(key, (uploadId) => this.#tenant().expectMultipart(key, uploadId));
    return {
      write: (part) => writer.write(part),
      complete: async () => {
        const bytes = await writer.complete();
        return this.#tenant().runnerOutput(this.#batchId, this.#turn, {
          id,
          filename,
          purpose,
          segments: [{ key, bytes }],
        });
      },
      abort: () => writer.abort(),
    };
  }
}
