/** Bytes of a new file that may be too large for memory: kept on disk by the browser where it can, else in blobs. */

const PIECE_BYTES = 4 << 20;
const FOLDER = "edgebatch";
const LEFT_OVER_MS = 24 * 3600_000;

export interface Spill {
  write(bytes: Uint8Array): Promise<void>;
  /** The file; it lives as long as the page. */
  finish(): Promise<Blob>;
  /** Throws away what was written. */
  discard(): Promise<void>;
}

/** Starts a file. */
export async function openSpill(): Promise<Spill> {
  const folder = await privateFolder();
  if (!folder) return new BlobSpill();
  try {
    const name = `${Date.now()}-${crypto.randomUUID()}`;
    const handle = await folder.getFileHandle(name, { create: true });
    if (typeof handle.createWritable !== "function") {
      await folder.removeEntry(name);
      return new BlobSpill();
    }
    return new DiskSpill(folder, handle, await handle.createWritable());
  } catch {
    return new BlobSpill();
  }
}

/** Removes files of pages that were closed long ago. */
export async function removeLeftOvers(now: number): Promise<void> {
  const folder = await privateFolder();
  if (!folder) return;
  try {
    for await (const name of folder.keys()) {
      if (Number.parseInt(name, 10) < now - LEFT_OVER_MS) await folder.removeEntry(name);
    }
  } catch {
    // Another tab may be at it, or uses the file: the next visit tries again.
  }
}

/** The page's folder on disk; null where there is none (an insecure address, a private window). */
async function privateFolder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
  } catch {
    return null;
  }
}

/** Gathers small writes into pieces. */
abstract class Gathering implements Spill {
  #piece = new Uint8Array(PIECE_BYTES);
  #used = 0;

  async write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const part = bytes.subarray(from, from + PIECE_BYTES - this.#used);
      this.#piece.set(part, this.#used);
      this.#used += part.length;
      from += part.length;
      if (this.#used === PIECE_BYTES) await this.#flush();
    }
  }

  async finish(): Promise<Blob> {
    await this.#flush();
    return this.end();
  }

  async #flush(): Promise<void> {
    if (this.#used > 0) await this.put(this.#piece.subarray(0, this.#used));
    this.#used = 0;
  }

  protected abstract put(piece: Uint8Array<ArrayBuffer>): Promise<void>;
  protected abstract end(): Promise<Blob>;
  abstract discard(): Promise<void>;
}

class DiskSpill extends Gathering {
  readonly #folder: FileSystemDirectoryHandle;
  readonly #handle: FileSystemFileHandle;
  readonly #writable: FileSystemWritableFileStream;

  constructor(
    folder: FileSystemDirectoryHandle,
    handle: FileSystemFileHandle,
    writable: FileSystemWritableFileStream,
  ) {
    super();
    this.#folder = folder;
    this.#handle = handle;
    this.#writable = writable;
  }

  protected put(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#writable.write(piece);
  }

  protected async end(): Promise<Blob> {
    await this.#writable.close();
    return this.#handle.getFile();
  }

  async discard(): Promise<void> {
    await this.#writable.abort().catch(() => {});
    await this.#folder.removeEntry(this.#handle.name).catch(() => {});
  }
}

class BlobSpill extends Gathering {
  #blobs: Blob[] = [];

  protected async put(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#blobs.push(new Blob([piece]));
  }

  protected async end(): Promise<Blob> {
    return new Blob(this.#blobs);
  }

  async discard(): Promise<void> {
    this.#blobs = [];
  }
}
