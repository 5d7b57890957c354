/** Files that live as long as the process: for tests, pages and small uses. */

import { concat } from "../../core/bytes.ts";
import { newFileId } from "../../core/file-id.ts";
import type { FileObject, Files, FileWriter } from "../../core/types.ts";
import { missingFile, now } from "../shared/file-names.ts";

/** {@link Files} in memory. */
export class MemoryFiles implements Files {
  readonly #files = new Map<string, StoredFile>();
  /** Files that only their holders still see. */
  readonly #deleted = new Map<string, StoredFile>();
  readonly #holders = new Map<string, Set<string>>();

  async retrieve(id: string, holder?: string): Promise<FileObject | null> {
    const file = this.#find(id, holder);
    return file === undefined ? null : { ...file.object };
  }

  async read(id: string, offset: number, length: number, holder?: string): Promise<Uint8Array> {
    const file = this.#find(id, holder);
    if (file === undefined) throw missingFile(id);
    return file.bytes.slice(offset, offset + length);
  }

  async create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter> {
    const { filename, purpose, id = newFileId() } = options;
    let parts: Uint8Array[] | null = [];
    const open = (): Uint8Array[] => {
      if (parts === null) throw new Error(`The writer of ${id} is closed.`);
      return parts;
    };
    return {
      write: async (part) => {
        open().push(new Uint8Array(part));
      },
      complete: async () => {
        const bytes = concat(open());
        parts = null;
        const created_at = now();
        const object: FileObject = { id, object: "file", bytes: bytes.length, created_at, filename, purpose };
        this.#files.set(id, { object, bytes });
        return { ...object };
      },
      abort: async () => {
        parts = null;
      },
    };
  }

  /** Stores a whole file at once. Text is stored as UTF-8; the purpose is `batch` unless given. */
  async add(
    filename: string,
    content: string | Uint8Array | AsyncIterable<Uint8Array>,
    purpose = "batch",
  ): Promise<FileObject> {
    const writer = await this.create({ filename, purpose });
    if (typeof content === "string") await writer.write(new TextEncoder().encode(content));
    else if (content instanceof Uint8Array) await writer.write(content);
    else for await (const part of content) await writer.write(part);
    return writer.complete();
  }

  /** Forgets a file. Says whether there was one. A batch that has not ended keeps its input until it has. */
  async delete(id: string): Promise<boolean> {
    const file = this.#files.get(id);
    if (file !== undefined && this.#holders.has(id)) this.#deleted.set(id, file);
    return this.#files.delete(id);
  }

  async hold(id: string, holder: string): Promise<boolean> {
    const holders = this.#holders.get(id);
    if (holders?.has(holder)) return true;
    if (!this.#files.has(id)) return false;
    this.#holders.set(id, (holders ?? new Set()).add(holder));
    return true;
  }

  async release(id: string, holder: string): Promise<void> {
    const holders = this.#holders.get(id);
    holders?.delete(holder);
    if (holders?.size !== 0) return;
    this.#holders.delete(id);
    this.#deleted.delete(id);
  }

  #find(id: string, holder: string | undefined): StoredFile | undefined {
    const file = this.#files.get(id);
    if (file !== undefined || holder === undefined) return file;
    return this.#holders.get(id)?.has(holder) ? this.#deleted.get(id) : undefined;
  }
}

interface StoredFile {
  object: FileObject;
  bytes: Uint8Array;
}
