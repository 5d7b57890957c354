/** Files in an R2 bucket. */

import { newFileId } from "../../core/file-id.ts";
import { checkNames } from "../../core/options.ts";
import type { FileObject, Files, FileWriter } from "../../core/types.ts";
import { missingFile } from "../shared/file-names.ts";

/** What all that is kept in R2 uses of a bucket. */
export interface R2BucketLike {
  head(key: string): Promise<R2ObjectLike | null>;
  get(
    key: string,
    options?: { range?: { offset: number; length: number } },
  ): Promise<(R2ObjectLike & { body: ReadableStream; arrayBuffer(): Promise<ArrayBuffer> }) | null>;
  put(
    key: string,
    value: Uint8Array,
    options?: { customMetadata?: Record<string, string> },
  ): Promise<unknown>;
  delete(keys: string | string[]): Promise<void>;
  createMultipartUpload(
    key: string,
    options?: { customMetadata?: Record<string, string> },
  ): Promise<R2MultipartUploadLike>;
}

export interface R2ObjectLike {
  readonly size: number;
  readonly customMetadata?: Record<string, string> | undefined;
}

export interface R2MultipartUploadLike {
  readonly uploadId: string;
  uploadPart(partNumber: number, value: Uint8Array): Promise<{ partNumber: number; etag: string }>;
  complete(parts: { partNumber: number; etag: string }[]): Promise<unknown>;
  abort(): Promise<void>;
}

/** R2 wants parts of at least 5 MiB, all of the same size but the last. */
export const PART_BYTES = 8 * 1024 * 1024;

/** What {@link R2Files} uses of an R2 bucket. */
export interface R2FilesBucket extends R2BucketLike {
  list(options: { prefix: string; limit?: number }): Promise<{ objects: { readonly key: string }[] }>;
}

/** Options of {@link R2Files}. */
export interface R2FilesOptions {
  bucket: R2FilesBucket;
  /** Starts every key, and keeps this store apart from others in the bucket. Default `files/`. */
  prefix?: string;
}

/**
 * {@link Files} in an R2 bucket: one object per file, its name and purpose in the object's metadata. A file becomes
 * visible, or is replaced, in one step. Memory: 8 MiB per writer. Parts of a writer that was cut off are invisible,
 * and R2 drops them after seven days. A file that a batch needs when it is deleted is hidden: empty objects beside it,
 * `ID~held/BATCH` and `ID~deleted`, say who holds it, and that it goes with the last of them.
 */
export class R2Files implements Files {
  readonly #bucket: R2FilesBucket;
  readonly #prefix: string;

  constructor(options: R2FilesOptions) {
    checkNames(options, { bucket: true, prefix: true }, "R2Files");
    this.#bucket = options.bucket;
    this.#prefix = options.prefix ?? "files/";
  }

  async retrieve(id: string, holder?: string): Promise<FileObject | null> {
    if (!isKey(id) || (await this.#isHidden(id, holder))) return null;
    const found = await this.#bucket.head(this.#prefix + id);
    const file = unpack(found?.customMetadata?.file);
    return file && found ? { ...file, bytes: found.size } : null;
  }

  async read(id: string, offset: number, length: number, holder?: string): Promise<Uint8Array> {
    if (!isKey(id) || (await this.#isHidden(id, holder))) throw missingFile(id);
    const bytes = await readObject(this.#bucket, this.#prefix + id, offset, length);
    if (bytes === null) throw missingFile(id);
    return bytes;
  }

  async create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter> {
    const { filename, purpose, id = newFileId() } = options;
    const created_at = Math.floor(Date.now() / 1000);
    const file = { id, object: "file" as const, bytes: 0, created_at, filename, purpose };
    const writer = new ObjectWriter(this.#bucket, this.#prefix + id, { file: pack(file) });
    return {
      write: (part) => writer.write(part),
      complete: async () => {
        const bytes = await writer.complete();
        await this.#bucket.delete(this.#deletedKey(id));
        return { ...file, bytes };
      },
      abort: () => writer.abort(),
    };
  }

  async hold(id: string, holder: string): Promise<boolean> {
    if (!isKey(id)) return false;
    const key = this.#heldKey(id, holder);
    if ((await this.#bucket.head(key)) !== null) return (await this.retrieve(id, holder)) !== null;
    if ((await this.retrieve(id)) === null) return false;
    await this.#bucket.put(key, new Uint8Array(0));
    // Whoever deleted the file just now has not seen the mark.
    if ((await this.retrieve(id)) !== null) return true;
    await this.release(id, holder);
    return false;
  }

  async release(id: string, holder: string): Promise<void> {
    if (!isKey(id)) return;
    await this.#bucket.delete(this.#heldKey(id, holder));
    if ((await this.#bucket.head(this.#deletedKey(id))) !== null) await this.#deleteUnheld(id);
  }

  /** Removes a file; its bytes stay until no batch needs them. No error if there is none. */
  async delete(id: string): Promise<void> {
    if (!isKey(id) || (await this.#bucket.head(this.#prefix + id)) === null) return;
    await this.#bucket.put(this.#deletedKey(id), new Uint8Array(0));
    await this.#deleteUnheld(id);
  }

  async #deleteUnheld(id: string): Promise<void> {
    const { objects } = await this.#bucket.list({ prefix: this.#heldKey(id, ""), limit: 1 });
    // The bytes first: without its mark a file would be there again.
    if (objects.length > 0) return;
    await this.#bucket.delete(this.#prefix + id);
    await this.#bucket.delete(this.#deletedKey(id));
  }

  /** Whether a file is deleted, but for those who hold it. */
  async #isHidden(id: string, holder: string | undefined): Promise<boolean> {
    if ((await this.#bucket.head(this.#deletedKey(id))) === null) return false;
    return holder === undefined || (await this.#bucket.head(this.#heldKey(id, holder))) === null;
  }

  /** No id has a `~`. */
  #deletedKey(id: string): string {
    return `${this.#prefix}${id}~deleted`;
  }

  #heldKey(id: string, holder: string): string {
    return `${this.#prefix}${id}~held/${holder}`;
  }
}

/** Bytes of an object, fewer where it ends; null when there is none. */
export async function readObject(
  bucket: R2BucketLike,
  key: string,
  offset: number,
  length: number,
): Promise<Uint8Array | null> {
  // A range of no bytes, or past the end, is an error to R2.
  if (length > 0) {
    try {
      const found = await bucket.get(key, { range: { offset, length } });
      return found === null ? null : new Uint8Array(await found.arrayBuffer());
    } catch (error) {
      const head = await bucket.head(key);
      if (head === null) return null;
      if (offset < head.size) throw error;
      return new Uint8Array(0);
    }
  }
  return (await bucket.head(key)) === null ? null : new Uint8Array(0);
}

/** Writes one object, in equal parts; a small one in one piece. Writes are carried out in the order of the calls. */
export class ObjectWriter {
  readonly #bucket: R2BucketLike;
  readonly #key: string;
  readonly #metadata: Record<string, string>;
  readonly #began: (uploadId: string) => Promise<void>;
  #upload: R2MultipartUploadLike | undefined;
  #parts: { partNumber: number; etag: string }[] = [];
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #filled = 0;
  #size = 0;
  #state: "open" | "failed" | "closed" = "open";
  #last: Promise<void> = Promise.resolve();

  /** `began` is called with a multipart upload before its first part goes, so that it can be found if it is cut off. */
  constructor(
    bucket: R2BucketLike,
    key: string,
    metadata: Record<string, string> = {},
    began: (uploadId: string) => Promise<void> = async () => {},
  ) {
    this.#bucket = bucket;
    this.#key = key;
    this.#metadata = metadata;
    this.#began = began;
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  async write(part: Uint8Array): Promise<void> {
    this.#checkOpen();
    const written = this.#last.then(() => this.#append(part));
    this.#last = written.catch(() => undefined);
    return written;
  }

  /** Makes the object visible. Gives its size. */
  async complete(): Promise<number> {
    this.#checkOpen();
    await this.#last;
    this.#checkOpen();
    this.#state = "closed";
    const rest = this.#buffer.subarray(0, this.#filled);
    this.#buffer = new Uint8Array(0);
    if (this.#upload === undefined) {
      await this.#bucket.put(this.#key, rest, { customMetadata: this.#metadata });
    } else {
      if (rest.length > 0) this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, rest));
      await this.#upload.complete(this.#parts);
    }
    return this.#size;
  }

  async abort(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    await this.#last;
    this.#buffer = new Uint8Array(0);
    await this.#upload?.abort();
  }

  async #append(part: Uint8Array): Promise<void> {
    this.#checkOpen();
    try {
      for (let at = 0; at < part.length; ) {
        const taken = part.subarray(at, at + PART_BYTES - this.#filled);
        this.#reserve(this.#filled + taken.length);
        this.#buffer.set(taken, this.#filled);
        this.#filled += taken.length;
        at += taken.length;
        if (this.#filled === PART_BYTES) await this.#flush();
      }
      this.#size += part.length;
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  /** Small files need small buffers: it doubles up to the size of a part. */
  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.min(Math.max(size, 2 * this.#buffer.length, 64 * 1024), PART_BYTES));
    larger.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = larger;
  }

  async #flush(): Promise<void> {
    if (this.#upload === undefined) {
      this.#upload = await this.#bucket.createMultipartUpload(this.#key, { customMetadata: this.#metadata });
      await this.#began(this.#upload.uploadId);
    }
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, this.#buffer));
    this.#filled = 0;
  }

  #checkOpen(): void {
    if (this.#state === "open") return;
    throw new Error(this.#state === "failed" ? "An earlier write failed." : "The writer is closed.");
  }
}

/** R2 keeps metadata as headers: the JSON in base64, whatever the name is made of. */
function pack(file: FileObject): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(file))));
}

function unpack(text: string | undefined): FileObject | null {
  if (text === undefined) return null;
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
}

function isKey(id: string): boolean {
  return /^[\w-]{1,200}$/.test(id);
}
