/** Files in a browser: in the origin private file system of a site. */

import { newFileId } from "../../core/file-id.ts";
import { checkNames, type NamesOf } from "../../core/options.ts";
import type { FileObject, Files, FileWriter, StoreLock } from "../../core/types.ts";
import { checkFileName, damagedFile, missingFile, now, writerEnded } from "../shared/file-names.ts";
import { WHERE, webLock } from "../shared/web-lock.ts";
import { type Metadata, OpfsRecords } from "./opfs-records.ts";

/** Options of {@link OpfsFiles.add}. */
export interface OpfsFileOptions {
  /** Default `batch`. */
  purpose?: string;
  /** Default: the file's own, or `upload`. */
  filename?: string;
  /** Default: a fresh one. */
  id?: string;
}

const names: NamesOf<OpfsFileOptions> = { purpose: true, filename: true, id: true };

/** How much of a file that the user has chosen is read at once. */
const PIECE_BYTES = 1024 * 1024;

/**
 * {@link Files} in the origin private file system, in a page or in a worker: bytes in a directory of the name given, and beside
 * them a database that names them. Tabs and workers of a site share it. A completed file lasts until the site's data are
 * cleared; an interrupted one leaves nothing that can be seen, and its remains are removed when a new `OpfsFiles` first
 * writes, or when the same id is created again. Ids are letters, digits, `-` and `_`. Memory: one part at a time.
 *
 * A file's bytes are written once, under a name of their own, and its record, in one transaction, makes them visible or has them
 * replace others. They are written by `createWritable`, which pages and workers have alike; handles for synchronous access are
 * for workers alone, and lock a file against readers. While a writer is at it, it holds a Web Lock of its bytes' name: the
 * browser ends that with the tab, and then bytes that no record names are remains.
 */
export class OpfsFiles implements Files {
  readonly #name: string;
  readonly #records: OpfsRecords;
  #directory: Promise<FileSystemDirectoryHandle> | undefined;
  #ready: Promise<void> | undefined;

  constructor(name: string) {
    this.#name = name;
    this.#records = new OpfsRecords(`${name}.files`);
  }

  async retrieve(id: string, holder?: string): Promise<FileObject | null> {
    return (await this.#records.find(id, holder))?.file ?? null;
  }

  async read(id: string, offset: number, length: number, holder?: string): Promise<Uint8Array> {
    return this.#withBytes(id, holder, async (whole, { file, data }) => {
      const wanted = Math.max(Math.min(length, file.bytes - offset), 0);
      if (wanted === 0) return new Uint8Array(0);
      const bytes = new Uint8Array(await whole.slice(offset, offset + wanted).arrayBuffer());
      if (bytes.length < wanted)
        throw damagedFile(id, `${data} holds ${whole.size} of its ${file.bytes} bytes`);
      return bytes;
    });
  }

  /**
   * A file's bytes as the browser has them, to be saved or sent without passing through memory; null when there is no such file.
   * It cannot be read any more once the file is replaced or deleted.
   */
  async blob(id: string): Promise<Blob | null> {
    if ((await this.#records.find(id)) === null) return null;
    return this.#withBytes(id, undefined, async (whole) => whole);
  }

  async create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter> {
    const { filename, purpose, id = newFileId() } = options;
    checkFileName(id);
    // The site's data may have been cleared since it was opened.
    this.#directory = undefined;
    await this.#sweptOnce(id, options.id !== undefined);
    const data = newName(id);
    // Nobody else can have made up the same name.
    const lock = (await webLock(this.#lockOf(data))) as StoreLock;
    const end = async (isKept: boolean) => {
      // A record that was written though its writer was told otherwise keeps its bytes. What cannot be told is swept later.
      const isNamed = isKept || (await this.#records.names(id, data).catch(() => true));
      if (!isNamed) await this.#discard(data);
      await lock.release();
    };
    try {
      const handle = await (await this.#folder()).getFileHandle(data, { create: true });
      if (typeof handle.createWritable !== "function") throw new Error(NO_WRITABLE);
      const keep = async (bytes: number) => {
        const { size } = await handle.getFile();
        if (size !== bytes) throw new Error(`The bytes of ${id} were removed.`);
        const file: FileObject = { id, object: "file", bytes, created_at: now(), filename, purpose };
        await this.#discard(await this.#records.commit({ file, data }));
        return file;
      };
      return new OpfsWriter(await handle.createWritable(), keep, end);
    } catch (error) {
      await end(false);
      throw explained(error);
    }
  }

  /** Copies a file that the user has chosen, or a stream, into the directory. */
  async add(source: Blob | AsyncIterable<Uint8Array>, options: OpfsFileOptions = {}): Promise<FileObject> {
    checkNames(options, names, "add");
    const { purpose = "batch", filename = source instanceof File ? source.name : "upload", id } = options;
    const writer = await this.create({ filename, purpose, ...(id !== undefined && { id }) });
    try {
      for await (const part of source instanceof Blob ? piecesOf(source) : source) await writer.write(part);
      return await writer.complete();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /** Removes a file. Says whether there was one. A batch that has not ended keeps its input until it has. */
  async delete(id: string): Promise<boolean> {
    const { found, unnamed } = await this.#records.remove(id);
    await this.#discard(unnamed);
    return found;
  }

  hold(id: string, holder: string): Promise<boolean> {
    return this.#records.hold(id, holder);
  }

  async release(id: string, holder: string): Promise<void> {
    await this.#discard(await this.#records.release(id, holder));
  }

  /** Closes the database of the records. Calls after it reject; writers that are under way cannot complete. */
  close(): void {
    this.#records.close();
  }

  /** Does something with a file's bytes, which may be replaced meanwhile. */
  async #withBytes<T>(
    id: string,
    holder: string | undefined,
    use: (whole: File, metadata: Metadata) => Promise<T>,
  ): Promise<T> {
    for (let lost: string | undefined; ; ) {
      const metadata = await this.#records.find(id, holder);
      if (metadata === null) throw missingFile(id);
      try {
        const handle = await (await this.#folder()).getFileHandle(metadata.data);
        return await use(await handle.getFile(), metadata);
      } catch (error) {
        if (!isGone(error)) throw explained(error);
        this.#directory = undefined;
        // The file was replaced or removed since: its record, read again, says which.
        if (metadata.data === lost) throw damagedFile(id, `${lost} is gone`);
        lost = metadata.data;
      }
    }
  }

  #folder(): Promise<FileSystemDirectoryHandle> {
    this.#directory ??= openFolder(this.#name).catch((error) => {
      this.#directory = undefined;
      throw explained(error);
    });
    return this.#directory;
  }

  #lockOf(data: string): string {
    return `edgebatch:${this.#name}/${data}`;
  }

  /** Before a write: removes what crashed writers left; of all files before the first one, later of this one. */
  async #sweptOnce(id: string, mayHaveRemains: boolean): Promise<void> {
    const isFirst = this.#ready === undefined;
    this.#ready ??= this.#sweep();
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
    if (mayHaveRemains && !isFirst) await this.#sweep(id);
  }

  async #sweep(id?: string): Promise<void> {
    const folder = await this.#folder();
    const left: { name: string; data: string; of: string }[] = [];
    for await (const name of folder.keys()) {
      const [, data, of] = /^((.+)~[0-9a-f]{12}\.data)/.exec(name) ?? [];
      if (data !== undefined && of !== undefined && (id === undefined || of === id))
        left.push({ name, data, of });
    }
    for (const { name, data, of } of left) {
      // In this order: once the writer is gone, no record can come to name the bytes.
      const lock = await webLock(this.#lockOf(data));
      if (lock === null) continue;
      try {
        if (name !== data || !(await this.#records.names(of, data))) await this.#discard(name);
      } finally {
        await lock.release();
      }
    }
  }

  /** Removes bytes that no record names. What cannot be removed now, as somebody reads it, is swept later. */
  async #discard(data: string | undefined): Promise<void> {
    if (data === undefined) return;
    try {
      await (await this.#folder()).removeEntry(data);
    } catch {}
  }
}

const NO_WRITABLE =
  "This browser cannot write to its private files by `createWritable`: Safari can from version 26";

async function openFolder(name: string): Promise<FileSystemDirectoryHandle> {
  const { storage } = navigator;
  if (typeof storage?.getDirectory !== "function") throw new Error(`Private files are missing: ${WHERE}.`);
  return (await storage.getDirectory()).getDirectoryHandle(name, { create: true });
}

function newName(id: string): string {
  const nonce = crypto.getRandomValues(new Uint8Array(6));
  return `${id}~${Array.from(nonce, (byte) => byte.toString(16).padStart(2, "0")).join("")}.data`;
}

function isGone(error: unknown): boolean {
  const { name } = error as Error;
  return name === "NotFoundError" || name === "NotReadableError";
}

/** The browser's own errors, in words that help. */
function explained(error: unknown): unknown {
  const { name, message } = error as Error;
  const why = {
    QuotaExceededError: "the browser has no more room for this site",
    SecurityError:
      "this page may keep none: it is in a private window or a sandboxed frame, or storage is blocked",
  }[name];
  if (why === undefined) return error;
  return Object.assign(new Error(`Private files: ${why} (${message})`, { cause: error }), { name });
}

async function* piecesOf(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += PIECE_BYTES)
    yield new Uint8Array(await blob.slice(at, at + PIECE_BYTES).arrayBuffer());
}

class OpfsWriter implements FileWriter {
  readonly #stream: FileSystemWritableFileStream;
  readonly #keep: (bytes: number) => Promise<FileObject>;
  readonly #end: (isKept: boolean) => Promise<void>;
  #bytes = 0;
  #state: "open" | "failed" | "closed" = "open";

  /** `keep` makes a file of the bytes; `end` comes last, always, and is told whether it has. */
  constructor(
    stream: FileSystemWritableFileStream,
    keep: (bytes: number) => Promise<FileObject>,
    end: (isKept: boolean) => Promise<void>,
  ) {
    this.#stream = stream;
    this.#keep = keep;
    this.#end = end;
  }

  async write(part: Uint8Array): Promise<void> {
    this.#checkOpen();
    this.#bytes += part.length;
    try {
      await this.#stream.write(part as Uint8Array<ArrayBuffer>);
    } catch (error) {
      this.#state = "failed";
      throw explained(error);
    }
  }

  async complete(): Promise<FileObject> {
    this.#checkOpen();
    this.#state = "closed";
    let isKept = false;
    try {
      await this.#stream.close();
      const file = await this.#keep(this.#bytes);
      isKept = true;
      return file;
    } catch (error) {
      throw explained(error);
    } finally {
      await this.#end(isKept);
    }
  }

  async abort(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    // One that has failed has thrown its bytes away already.
    await this.#stream.abort().catch(() => {});
    await this.#end(false);
  }

  #checkOpen(): void {
    if (this.#state !== "open") throw writerEnded(this.#state);
  }
}
