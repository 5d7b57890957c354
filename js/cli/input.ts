/** Input files as streams of bytes, and what their first line says. */

import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import zlib from "node:zlib";
import { sniffBytes } from "../core/convert.ts";
import { FirstLine } from "../core/first-line.ts";
import { packingOf } from "../core/packing.ts";
import { defaults } from "../core/rules.ts";
import { UnpackError, unpacked } from "../core/unpack/index.ts";
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
/** What `zstd --long` and `--ultra` make. */
const mostWindowBytes = 1 << 27;

/** Opens a file, or standard input for `-`. Gzip and zstd are seen by their first bytes and unpacked. @throws CannotRun */
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

/** The endpoint that the first line asks for, and how the file begins. The chunks come out again, all of them. */
export async function endpointOf(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes?: number,
): Promise<{ endpoint: string; chunks: AsyncGenerator<Uint8Array>; head: Uint8Array }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  const line = new FirstLine(Math.max(maxLineBytes ?? 0, defaults.limits.maxLineBytes));
  let [ended, size] = [false, 0];
  for (let wanted = true; (wanted || size < sniffBytes) && !ended; ) {
    const next = await iterator.next();
    ended = next.done === true;
    if (next.done === true) break;
    head.push(next.value.slice());
    size += next.value.length;
    wanted = line.push(next.value);
  }
  const beginning = Buffer.concat(upTo(head, sniffBytes)).subarray(0, sniffBytes);
  async function* again(): AsyncGenerator<Uint8Array> {
    try {
      for (let chunk = head.shift(); chunk !== undefined; chunk = head.shift()) yield chunk;
      for (; !ended; ) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return {
    endpoint: line.endpoint(),
    chunks: again(),
    head: beginning,
  };
}

/** The first chunks that have so many bytes together. */
function upTo(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  let size = 0;
  const enough = chunks.findIndex((chunk) => {
    size += chunk.length;
    return size >= bytes;
  });
  return enough < 0 ? chunks : chunks.slice(0, enough + 1);
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

/** The chunks, or what they hold if they are packed. */
async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    // A pipe may give its first bytes one by one.
    let first: Uint8Array = new Uint8Array(0);
    let ended = false;
    while (first.length < 4 && !ended) {
      const next = await iterator.next();
      ended = next.done === true;
      if (next.done !== true) first = first.length === 0 ? next.value : Buffer.concat([first, next.value]);
    }
    const packing = packingOf(first);
    // The reader's buffer is used again.
    const all = following(packing === null ? first : first.slice(), iterator);
    yield* packing === null ? all : packing === "gzip" ? gunzipped(all) : unzstd(all);
  } finally {
    await iterator.return?.();
  }
}

async function* following(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* gunzipped(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  async function* copies(): AsyncGenerator<Uint8Array> {
    // Between here and the decompressor lies a queue, and the reader's buffer is used again.
    for await (const chunk of packed) yield chunk.slice();
  }
  const source = Readable.from(copies(), { objectMode: true, highWaterMark: 1 });
  const unpack = zlib.createGunzip({ chunkSize: 256 << 10 });
  source.on("error", (error) => unpack.destroy(error));
  try {
    yield* source.pipe(unpack) as AsyncIterable<Uint8Array>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code?.startsWith("Z") ? new CannotRun(`the gzip data is damaged: ${message}`) : error;
  } finally {
    source.destroy();
  }
}

/** As servers unpack it: what the runtimes have of zstd takes what is cut off for whole, where they have it. */
async function* unzstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* unpacked("zstd", packed, mostWindowBytes);
  } catch (error) {
    throw error instanceof UnpackError ? new CannotRun(error.message.replace(/^The/, "the")) : error;
  }
}
