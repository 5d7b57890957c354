/** A tenant's files, as results of its batches are read from them. */

import { ResourceNotFoundError } from "../../core/errors.ts";
import type { FileObject, Files, FileWriter } from "../../core/types.ts";
import { now } from "../ids.ts";
import { logError } from "../log.ts";
import type { Blobs } from "../ports.ts";
import { LostObjectError, readSegments } from "../stored-bytes.ts";
import type { FileIndex } from "./file-index.ts";

export class ResultFiles implements Files {
  readonly #index: FileIndex;
  readonly #blobs: Blobs;

  constructor(index: FileIndex, blobs: Blobs) {
    this.#index = index;
    this.#blobs = blobs;
  }

  async retrieve(id: string): Promise<FileObject | null> {
    return (await this.#index.find(id, now()))?.file ?? null;
  }

  async read(id: string, offset: number, length: number): Promise<Uint8Array> {
    const found = await this.#index.find(id, now());
    if (!found) throw new ResourceNotFoundError(`No such File object: ${id}`, { param: "id" });
    try {
      const bytes = await readSegments(this.#blobs, found.segments, offset, length);
      if (bytes) return bytes;
    } catch (error) {
      if (!(error instanceof LostObjectError)) throw error;
      logError("results.lost", error, { file: id });
    }
    throw new ResourceNotFoundError(`The store has lost bytes of the file ${id}.`, { param: "id" });
  }

  /** Batches are run elsewhere. */
  create(): Promise<FileWriter> {
    return Promise.reject(new Error("unreachable"));
  }
}
