/** The bytes of a chosen file, piece by piece, unpacked where it is packed. */

import { packingOf } from "../../core/packing.ts";

const PIECE_BYTES = 1 << 20;

/** Something that is wrong with the file or the browser, in words for whoever chose it. */
export class SourceError extends Error {}

/** What an error says to whoever chose the file. */
export function words(error: unknown): string {
  if (error instanceof SourceError) return error.message;
  if ((error as Error).name === "QuotaExceededError")
    return "The browser has no room left for a new file. Free some space on this device, or use a window that is not private.";
  const text = error instanceof Error ? error.message : String(error);
  return `Something went wrong in the page itself (${text}). Choose the file again.`;
}

export interface Source {
  /** The next bytes, which are good until the next call; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** How many bytes of the file itself were read so far. */
  readonly consumed: number;
  /** No more is wanted. */
  close(): void;
}

/** Whether a file is packed by gzip: its first bytes say so, whatever it is called. */
export async function isGzip(file: Blob): Promise<boolean> {
  return packingOf(new Uint8Array(await readSlice(file, 0, 4))) === "gzip";
}

/** Reads a file from its start. */
export async function open(file: Blob): Promise<Source> {
  if (await isGzip(file)) return new Unpacked(file);
  return openAt(file, 0);
}

/** Reads a file that is not packed, from a byte on. */
export function openAt(file: Blob, offset: number): Source {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = file.slice(offset).stream().getReader({ mode: "byob" });
  } catch {
    return new Sliced(file, offset);
  }
  return new Streamed(reader, offset);
}

/** Into the same memory again and again: pieces of new memory would gather until the collector comes. */
class Streamed implements Source {
  readonly #reader: ReadableStreamBYOBReader;
  #memory = new ArrayBuffer(PIECE_BYTES);
  #consumed: number;

  constructor(reader: ReadableStreamBYOBReader, offset: number) {
    this.#reader = reader;
    this.#consumed = offset;
  }

  get consumed(): number {
    return this.#consumed;
  }

  async read(): Promise<Uint8Array | null> {
    const { done, value } = await readable(this.#reader.read(new Uint8Array(this.#memory)));
    if (done || !value) return null;
    this.#memory = value.buffer;
    this.#consumed += value.length;
    return value;
  }

  close(): void {
    this.#reader.cancel().catch(() => {});
  }
}

/** For browsers whose files cannot be read into memory that is given; and for readers that keep the pieces. */
class Sliced implements Source {
  readonly #file: Blob;
  #at: number;
  #next: Promise<ArrayBuffer> | null;
  #consumed: number;

  constructor(file: Blob, offset: number) {
    this.#file = file;
    this.#at = offset;
    this.#consumed = offset;
    this.#next = this.#ask();
  }

  get consumed(): number {
    return this.#consumed;
  }

  async read(): Promise<Uint8Array | null> {
    const piece = await this.#next;
    if (piece === null) return null;
    // The next is read while this one is looked at.
    this.#next = this.#ask();
    this.#consumed += piece.byteLength;
    return new Uint8Array(piece);
  }

  close(): void {
    this.#next?.catch(() => {});
    this.#next = null;
  }

  #ask(): Promise<ArrayBuffer> | null {
    if (this.#at >= this.#file.size) return null;
    const from = this.#at;
    this.#at = Math.min(from + PIECE_BYTES, this.#file.size);
    const piece = readSlice(this.#file, from, this.#at);
    // Its reader sees its failure; until then nobody does.
    piece.catch(() => {});
    return piece;
  }
}

class Unpacked implements Source {
  readonly #packed: Source;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #failure: unknown;

  constructor(file: Blob) {
    if (typeof DecompressionStream === "undefined")
      throw new SourceError("This browser cannot unpack .gz files. Unpack it first, or use a newer browser.");
    this.#packed = new Sliced(file, 0);
    const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        try {
          const piece = await this.#packed.read();
          if (piece) controller.enqueue(piece as Uint8Array<ArrayBuffer>);
          else controller.close();
        } catch (error) {
          this.#failure = error;
          throw error;
        }
      },
    });
    this.#reader = packed.pipeThrough(new DecompressionStream("gzip")).getReader();
  }

  get consumed(): number {
    return this.#packed.consumed;
  }

  async read(): Promise<Uint8Array | null> {
    try {
      const { done, value } = await this.#reader.read();
      return done ? null : value;
    } catch (error) {
      if (this.#failure) throw this.#failure;
      throw new SourceError(
        "This .gz file is damaged or was cut off: it could not be decompressed to its end. " +
          "(Files of several gzip parts must be decompressed first.)",
        { cause: error },
      );
    }
  }

  close(): void {
    this.#reader.cancel().catch(() => {});
    this.#packed.close();
  }
}

/** A stretch of a file, as it lies there. */
export function readSlice(file: Blob, from: number, to: number): Promise<ArrayBuffer> {
  return readable(file.slice(from, to).arrayBuffer());
}

async function readable<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    throw new SourceError(
      "The file can no longer be read: it was moved or changed after it was chosen. Choose it again.",
      { cause: error },
    );
  }
}
