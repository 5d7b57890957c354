/**
 * Objects in a folder of the local disk: bytes under keys such as `alice/files/file-1`, each written whole and never
 * changed. An object is a file whose path is made of its key. It is written under `.writing/`, flushed, and renamed into
 * place: that is the one step that makes it visible, or replaces it. What crashed writers have left there is swept away.
 */

import type { FileHandle } from "node:fs/promises";
import { Appender, discard, flushDirectory, isMissing, makeDirectory, readFully } from "../shared/disk.ts";
import { fs, paths } from "../shared/node-modules.ts";
import { idOf, isBeingWritten, release, reserve } from "../shared/writers.ts";

/** No key leads here: in paths that are made of keys no name begins with a dot. */
const WRITING = ".writing";

/**
 * Objects in a folder, which is made when first needed, for this user alone. A completed object survives `kill -9` and loss of
 * power; an interrupted one leaves nothing that can be seen. Memory: one range at a time.
 */
export class DiskBlobs {
  readonly #directory: string;
  readonly #writing: string;
  #ready: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = paths().resolve(directory);
    this.#writing = paths().join(this.#directory, WRITING);
  }

  /** Bytes of an object, fewer where it ends, none past its end; null when there is none. */
  async read(key: string, offset: number, length: number): Promise<Uint8Array | null> {
    return (await this.#range(key, offset, length))?.bytes ?? null;
  }

  /** The same as a stream, with the size of the whole object. */
  async open(
    key: string,
    offset: number,
    length: number,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | null> {
    const found = await this.#range(key, offset, length);
    if (found === null) return null;
    const body = new ReadableStream<Uint8Array>({
      start(control) {
        if (found.bytes.length > 0) control.enqueue(found.bytes);
        control.close();
      },
    });
    return { size: found.size, body };
  }

  /** Writes an object, which is visible, or replaced, once it is complete. `began` comes before its first bytes. */
  write(key: string, began: (uploadId: string) => Promise<void>): DiskBlobWriter {
    const target = this.#path(key);
    const name = reserve(paths().basename(target), "data");
    return new DiskBlobWriter(key, paths().join(this.#writing, name), target, {
      begin: async () => {
        await this.#open();
        await began(name);
      },
      end: () => release(name),
    });
  }

  /** Deletes objects, durably. No error for those that are not there. */
  async delete(keys: string[]): Promise<void> {
    const folders = new Set<string>();
    for (const key of keys) {
      const path = this.#path(key);
      await discard(path);
      folders.add(paths().dirname(path));
    }
    for (const folder of folders) {
      await flushDirectory(folder).catch((error) => {
        if (!isMissing(error)) throw error;
      });
    }
  }

  /** Throws away what was written of an object. No error when it was completed, or thrown away before. */
  async discard(_key: string, uploadId: string): Promise<void> {
    if (idOf(uploadId) === null || paths().basename(uploadId) !== uploadId) return;
    await discard(paths().join(this.#writing, uploadId));
  }

  async #range(
    key: string,
    offset: number,
    length: number,
  ): Promise<{ bytes: Uint8Array; size: number } | null> {
    let handle: FileHandle;
    try {
      handle = await fs().promises.open(this.#path(key), "r");
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    try {
      const { size } = await handle.stat();
      const wanted = Math.max(Math.min(length, size - offset), 0);
      return { bytes: await readFully(handle, offset, wanted), size };
    } finally {
      await handle.close();
    }
  }

  /** Before a write: makes the folder, removes what crashed writers left. */
  async #open(): Promise<void> {
    this.#ready ??= this.#prepare();
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    makeDirectory(this.#writing);
    for (const name of await fs().promises.readdir(this.#writing)) {
      if (idOf(name) === null || (await isBeingWritten(this.#writing, name))) continue;
      await discard(paths().join(this.#writing, name));
    }
  }

  #path(key: string): string {
    return paths().join(this.#directory, objectPath(key));
  }
}

/** Where an object is, in the folder of all. */
export function objectPath(key: string): string {
  return paths().join(...key.split("/").map(fileName));
}

/** What the writer of an object has to tell. */
interface Around {
  /** Before the first bytes. */
  begin(): Promise<void>;
  /** Comes last, always. */
  end(): void;
}

class DiskBlobWriter {
  readonly #key: string;
  readonly #path: string;
  readonly #target: string;
  readonly #around: Around;
  #bytes: Promise<Appender> | undefined;
  #closed = false;

  /** Bytes written so far. */
  size = 0;

  constructor(key: string, path: string, target: string, around: Around) {
    this.#key = key;
    this.#path = path;
    this.#target = target;
    this.#around = around;
  }

  /** Appends. The bytes may be reused once the promise resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#closed) throw new Error("The writer is closed.");
    await (await this.#opened()).write(chunk);
    this.size += chunk.length;
  }

  /** Makes the object visible. Gives its size. */
  async complete(): Promise<number> {
    if (this.#closed) throw new Error("The writer is closed.");
    this.#closed = true;
    try {
      await (await this.#opened()).keep();
      const folder = paths().dirname(this.#target);
      makeDirectory(folder);
      await fs().promises.rename(this.#path, this.#target);
      await flushDirectory(folder);
      return this.size;
    } catch (error) {
      await this.#drop().catch(() => undefined);
      throw error;
    } finally {
      this.#around.end();
    }
  }

  /** Throws away what was written. No error when the writer is closed. */
  async abort(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#drop();
    } finally {
      this.#around.end();
    }
  }

  #opened(): Promise<Appender> {
    this.#bytes ??= (async () => {
      await this.#around.begin();
      return new Appender(await fs().promises.open(this.#path, "wx"), this.#key);
    })();
    return this.#bytes;
  }

  async #drop(): Promise<void> {
    // What could not be opened has left nothing.
    const bytes = await this.#bytes?.catch(() => undefined);
    await bytes?.drop();
    await discard(this.#path);
  }
}

/**
 * A part of a key as the name of a file: it leads nowhere else, and no two differ by case alone, which some disks do
 * not tell apart.
 */
export function fileName(part: string): string {
  if (part === "") throw new Error("A part of an object's key is empty.");
  const bytes = [...new TextEncoder().encode(part)].map((byte, i) => {
    const char = String.fromCharCode(byte);
    const stays = /[a-z0-9_~-]/.test(char) || (char === "." && i > 0);
    return stays ? char : `+${byte.toString(16).padStart(2, "0")}`;
  });
  return bytes.join("");
}
