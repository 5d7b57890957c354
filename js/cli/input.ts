/** Input files as streams of bytes, and what their first line says. */

import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { FirstLine } from "../first-line.ts";
import { CannotRun } from "./terminal.ts";

/** An input, open. Each chunk is valid only until the next is asked for. */
export interface Input {
  /** How errors name it. */
  name: string;
  /** Bytes to read in all; null for pipes. */
  size: number | null;
  /** Bytes read so far; of a compressed file, before decompression. */
  position(): number;
  chunks: AsyncIterable<Uint8Array>;
}

const chunkBytes = 1 << 20;
/** Opens a file, or standard input for `-`. Gzip is seen by its first bytes and decompressed. @throws CannotRun */
export async function openInput(path: string): Promise<Input> {
  if (path === "-") {
    const counted = new Counted(process.stdin);
    return { name: "-", size: null, position: () => counted.position, chunks: decompressed(counted) };
  }
  const handle = await openFile(path);
  const status = await handle.stat();
  if (status.isDirectory()) {
    await handle.close();
    throw new CannotRun(`${path} is a directory, not a file`);
  }
  const counted = new Counted(readAll(handle));
  const size = status.isFile() ? status.size : null;
  return { name: path, size, position: () => counted.position, chunks: decompressed(counted) };
}

/** Opens a file for reading, or says why that cannot be. @throws CannotRun */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/** The error of a file that cannot be opened, for people. */
export function cannotOpen(path: string, error: unknown): CannotRun {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return new CannotRun(`${path}: no such file`);
  if (code === "EACCES" || code === "EPERM") return new CannotRun(`${path}: permission denied`);
  return new CannotRun(`${path}: ${message}`);
}

/** Whether bytes are the start of a gzip stream. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The endpoint that the first line asks for. The chunks come out again, all of them. */
export async function endpointOf(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes?: number,
): Promise<{ endpoint: string; chunks: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  const line = new FirstLine(maxLineBytes);
  let ended = false;
  for (let wanted = true; wanted && !ended; ) {
    const next = await iterator.next();
    ended = next.done === true;
    if (next.done === true) break;
    head.push(next.value.slice());
    wanted = line.push(next.value);
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    for (let chunk = head.shift(); chunk !== undefined; chunk = head.shift()) yield chunk;
    if (ended) return;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  return { endpoint: line.endpoint(), chunks: again() };
}

/** All bytes from the handle's position on, through one buffer; closes it. */
export async function* readAll(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(chunkBytes);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Counts the bytes that pass. */
class Counted {
  position = 0;
  readonly #source: AsyncIterable<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.position += chunk.length;
      yield chunk;
    }
  }
}

/** The chunks, or what they hold if they are gzip. */
async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  // A pipe may give its first byte alone.
  let first: Uint8Array = new Uint8Array(0);
  let ended = false;
  while (first.length < 2 && !ended) {
    const next = await iterator.next();
    ended = next.done === true;
    if (next.done !== true) first = first.length === 0 ? next.value : Buffer.concat([first, next.value]);
  }
  const zipped = isGzip(first);
  async function* all(): AsyncGenerator<Uint8Array> {
    if (first.length > 0) yield zipped ? first.slice() : first;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      // Between here and the decompressor lies a queue, and the reader's buffer is used again.
      yield zipped ? next.value.slice() : next.value;
    }
  }
  if (!zipped) {
    yield* all();
    return;
  }
  const packed = Readable.from(all(), { objectMode: true, highWaterMark: 1 });
  const gunzip = createGunzip({ chunkSize: 256 << 10 });
  packed.on("error", (error) => gunzip.destroy(error));
  try {
    yield* packed.pipe(gunzip);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code?.startsWith("Z_") ? new CannotRun(`the gzip data is damaged: ${message}`) : error;
  }
}
