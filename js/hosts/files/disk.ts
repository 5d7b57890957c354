/** Files in a directory of the local disk. */

import type { FileHandle } from "node:fs/promises";
import { InvalidRequestError, ResourceNotFoundError } from "../../core/errors.ts";
import { newFileId } from "../../core/file-id.ts";
import { checkNames, type NamesOf } from "../../core/options.ts";
import type { FileObject, Files, FileWriter } from "../../core/types.ts";
import { Appender, isMissing, makeDirectory, readFully } from "../shared/disk.ts";
import { checkFileName, damagedFile, isFileName, missingFile, now } from "../shared/file-names.ts";
import { fs, paths } from "../shared/node-modules.ts";
import { release, reserve } from "../shared/writers.ts";
import {
  type Content,
  commit,
  discardUnnamed,
  hold,
  type Metadata,
  readHeld,
  readMetadata,
  remove,
  sweep,
  unhold,
} from "./disk-directory.ts";

/** Options of {@link DiskFiles.add} and {@link DiskFiles.link}. */
export interface DiskFileOptions {
  /** Default `batch`. */
  purpose?: string;
  /** Default: the last part of the path, or `upload` for a stream. */
  filename?: string;
  /** Default: a fresh one. */
  id?: string;
}

const names: NamesOf<DiskFileOptions> = { purpose: true, filename: true, id: true };

const MOST_KNOWN = 32;

/**
 * {@link Files} in a directory, which is made when first needed, for this user alone. A completed file survives `kill -9` and loss of
 * power; an interrupted one leaves nothing that can be seen, and its remains are removed when a new `DiskFiles`
 * first writes to the directory, or when the same id is created again. Ids are letters, digits, `-` and `_`.
 * Memory: one part at a time, and no handle is kept open between reads.
 */
export class DiskFiles implements Files {
  readonly #directory: string;
  /**
   * Metadata of the files read last, which halves the time of a read. Bytes never change under their name and are
   * unlinked when their file is replaced or removed, so what is out of date here is noticed at the next read.
   */
  readonly #known = new Map<string, Metadata>();
  /** Counts changes, so that metadata read before one is not kept after it. */
  #commits = 0;
  #ready: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = paths().resolve(directory);
  }

  async retrieve(id: string, holder?: string): Promise<FileObject | null> {
    const metadata = await this.#read(id, holder);
    if (metadata === null) return null;
    if ("link" in metadata && !(await exists(metadata.link.path))) return null;
    return metadata.file;
  }

  async read(id: string, offset: number, length: number, holder?: string): Promise<Uint8Array> {
    for (let lost: string | undefined; ; ) {
      const metadata = await this.#find(id, holder);
      if (metadata === null) throw missingFile(id);
      const path = "link" in metadata ? metadata.link.path : paths().join(this.#directory, metadata.data);
      let handle: FileHandle;
      try {
        handle = await fs().promises.open(path, "r");
      } catch (error) {
        if (!isMissing(error)) throw error;
        this.#known.delete(id);
        if ("link" in metadata) throw missingFile(id, `, as ${path} is gone`);
        if (path === lost) throw damagedFile(id, `${path} is gone`);
        // The file was replaced or removed since: its metadata, read again, says which.
        lost = path;
        continue;
      }
      try {
        const wanted = Math.max(Math.min(length, metadata.file.bytes - offset), 0);
        const bytes = await readFully(handle, offset, wanted);
        if ("link" in metadata) await checkUnchanged(handle, id, metadata.link);
        else if (bytes.length < wanted) {
          const { size } = await handle.stat();
          throw damagedFile(id, `${path} holds ${size} of its ${metadata.file.bytes} bytes`);
        }
        return bytes;
      } finally {
        await handle.close();
      }
    }
  }

  async create(options: { filename: string; purpose: string; id?: string }): Promise<FileWriter> {
    const { filename, purpose, id = newFileId() } = options;
    await this.#open(id, options.id !== undefined);
    const name = reserve(id, "data");
    try {
      const handle = await fs().promises.open(paths().join(this.#directory, name), "wx");
      return new DiskWriter(id, handle, {
        keep: async (bytes) => {
          const file: FileObject = { id, object: "file", bytes, created_at: now(), filename, purpose };
          await this.#commit({ file, data: name });
          return file;
        },
        end: async (kept) => {
          release(name);
          if (!kept) await discardUnnamed(this.#directory, id, name);
        },
      });
    } catch (error) {
      release(name);
      throw error;
    }
  }

  /** Copies a file, or a stream, into the directory. */
  async add(source: string | AsyncIterable<Uint8Array>, options: DiskFileOptions = {}): Promise<FileObject> {
    checkNames(options, names, "add");
    const fromPath = typeof source === "string";
    const { purpose = "batch", filename = fromPath ? paths().basename(source) : "upload" } = options;
    const writer = await this.create({
      filename,
      purpose,
      ...(options.id !== undefined && { id: options.id }),
    });
    try {
      const parts = fromPath ? fs().createReadStream(source, { highWaterMark: 1024 * 1024 }) : source;
      for await (const part of parts) await writer.write(part);
      return await writer.complete();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /**
   * Registers a local file where it is, without copying it. Its size and time of change are remembered: once
   * they differ, reads reject with a {@link ResourceNotFoundError} of code `file_changed`.
   */
  async link(path: string, options: DiskFileOptions = {}): Promise<FileObject> {
    checkNames(options, names, "link");
    const { purpose = "batch", filename = paths().basename(path), id = newFileId() } = options;
    const target = paths().resolve(path);
    const state = await fs().promises.stat(target, { bigint: true });
    if (!state.isFile()) throw new InvalidRequestError(`${path} is not a regular file.`, { param: "file" });
    await this.#open(id, options.id !== undefined);
    const bytes = Number(state.size);
    const file: FileObject = { id, object: "file", bytes, created_at: now(), filename, purpose };
    await this.#commit({ file, link: { path: target, ...fingerprint(state) } });
    return file;
  }

  /** The path of a file's bytes, to hand them on without a copy; they must not be changed. Null when there are none. */
  async path(id: string): Promise<string | null> {
    const metadata = isFileName(id) ? await readMetadata(this.#directory, id) : null;
    if (metadata === null) return null;
    return "link" in metadata ? metadata.link.path : paths().join(this.#directory, metadata.data);
  }

  /**
   * Removes a file; of a linked one only the registration. Says whether there was one. A batch that has not ended keeps
   * its input until it is.
   */
  async delete(id: string): Promise<boolean> {
    if (!isFileName(id)) return false;
    const found = await remove(this.#directory, id);
    this.#forget(id);
    return found;
  }

  async hold(id: string, holder: string): Promise<boolean> {
    return isFileName(id) && isFileName(holder) && hold(this.#directory, id, holder);
  }

  async release(id: string, holder: string): Promise<void> {
    if (isFileName(id) && isFileName(holder)) await unhold(this.#directory, id, holder);
  }

  async #read(id: string, holder: string | undefined): Promise<Metadata | null> {
    if (!isFileName(id)) return null;
    const metadata = await readMetadata(this.#directory, id);
    if (metadata !== null || holder === undefined || !isFileName(holder)) return metadata;
    return readHeld(this.#directory, id, holder);
  }

  /** The metadata of a file to be read. */
  async #find(id: string, holder: string | undefined): Promise<Metadata | null> {
    let metadata: Metadata | null | undefined = this.#known.get(id);
    // The bytes of a deleted file may stay for a holder: for anyone else its metadata tells.
    if (metadata !== undefined && holder === undefined) {
      if (!(await exists(paths().join(this.#directory, `${id}.json`)))) metadata = undefined;
    }
    if (metadata !== undefined) return metadata;
    const commits = this.#commits;
    metadata = await this.#read(id, holder);
    if (metadata === null || commits !== this.#commits) return metadata;
    if (this.#known.size >= MOST_KNOWN) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(id, metadata);
    return metadata;
  }

  async #commit(metadata: Metadata): Promise<void> {
    await commit(this.#directory, metadata);
    this.#forget(metadata.file.id);
  }

  #forget(id: string): void {
    this.#known.delete(id);
    this.#commits++;
  }

  /** Before a write: checks the id, makes the directory, removes what crashed writers left. */
  async #open(id: string, mayHaveRemains: boolean): Promise<void> {
    checkFileName(id);
    const first = this.#ready === undefined;
    this.#ready ??= (async () => {
      makeDirectory(this.#directory);
      await sweep(this.#directory);
    })();
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
    if (mayHaveRemains && !first) await sweep(this.#directory, id);
  }
}

/** What a writer does with the bytes it has written. */
interface Ending {
  /** Makes them a file. */
  keep(bytes: number): Promise<FileObject>;
  /** Comes last, always: the name is free, and what was not kept can go. */
  end(kept: boolean): Promise<void>;
}

class DiskWriter implements FileWriter {
  readonly #bytes: Appender;
  readonly #ending: Ending;

  constructor(id: string, handle: FileHandle, ending: Ending) {
    this.#bytes = new Appender(handle, id);
    this.#ending = ending;
  }

  write(part: Uint8Array): Promise<void> {
    return this.#bytes.write(part);
  }

  async complete(): Promise<FileObject> {
    this.#bytes.checkOpen();
    let kept = false;
    try {
      await this.#bytes.keep();
      const file = await this.#ending.keep(this.#bytes.size);
      kept = true;
      return file;
    } finally {
      await this.#ending.end(kept);
    }
  }

  async abort(): Promise<void> {
    if (this.#bytes.isClosed) return;
    try {
      await this.#bytes.drop();
    } finally {
      await this.#ending.end(false);
    }
  }
}

async function checkUnchanged(
  handle: FileHandle,
  id: string,
  link: Extract<Content, { link: unknown }>["link"],
): Promise<void> {
  const { size, mtime } = fingerprint(await handle.stat({ bigint: true }));
  if (size === link.size && mtime === link.mtime) return;
  throw new ResourceNotFoundError(`File ${id} was registered, but ${link.path} has changed since.`, {
    param: "id",
    code: "file_changed",
  });
}

function fingerprint(state: { size: bigint; mtimeNs: bigint }): { size: string; mtime: string } {
  return { size: String(state.size), mtime: String(state.mtimeNs) };
}

async function exists(path: string): Promise<boolean> {
  try {
    await fs().promises.stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
