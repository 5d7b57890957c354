/**
 * Archives in the format of `tar` (POSIX 1003.1: ustar, and pax where a name or a size needs it), written and read in order
 * and piece by piece. Only what a backup has: plain files.
 */

import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { readFully } from "../../hosts/shared/disk.ts";

const BLOCK = 512;
const PIECE = 1024 * 1024;
/** Of a size in a header: eleven octal digits. */
const MOST_SIZE = 0o77777777777;
const MOST_NAME = 100;
/** A pax header holds a name and a size. */
const MOST_PAX = 64 * 1024;

export class TarWriter {
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #at = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#at;
  }

  /** SHA-256 of all bytes so far. */
  sha256(): string {
    return this.#hash.copy().digest("hex");
  }

  async bytes(name: string, content: Uint8Array): Promise<void> {
    await this.#head(name, content.length);
    await this.#write(content);
    await this.#pad(content.length);
  }

  /** The first `size` bytes of a file. @throws Error when it has fewer */
  async file(name: string, source: FileHandle, size: number): Promise<void> {
    await this.#head(name, size);
    for (let at = 0; at < size; ) {
      const piece = await readFully(source, at, Math.min(PIECE, size - at));
      if (piece.length === 0) throw new Error(`${name} has become shorter while it was read`);
      await this.#write(piece);
      at += piece.length;
    }
    await this.#pad(size);
  }

  async end(): Promise<void> {
    await this.#write(new Uint8Array(2 * BLOCK));
  }

  async #head(name: string, size: number): Promise<void> {
    const records = [
      ...(Buffer.byteLength(name) > MOST_NAME ? [paxRecord("path", name)] : []),
      ...(size > MOST_SIZE ? [paxRecord("size", String(size))] : []),
    ];
    if (records.length > 0) {
      const pax = Buffer.from(records.join(""));
      await this.#write(header("pax", pax.length, "x"));
      await this.#write(pax);
      await this.#pad(pax.length);
    }
    await this.#write(header(name, Math.min(size, MOST_SIZE), "0"));
  }

  async #pad(size: number): Promise<void> {
    await this.#write(new Uint8Array(padding(size)));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#at);
      done += bytesWritten;
      this.#at += bytesWritten;
    }
  }
}

export interface TarEntry {
  name: string;
  size: number;
  /** SHA-256 of all that stands before this entry. */
  before: string;
  /** Its bytes, to be taken to the end before the next entry. */
  content(): AsyncGenerator<Uint8Array, void>;
}

/** What is no archive, or not all of one. */
export class TarError extends Error {}

/** The entries of an archive, in order. @throws TarError */
export async function* readTar(handle: FileHandle): AsyncGenerator<TarEntry, void> {
  const hash = createHash("sha256");
  let at = 0;
  const take = async (length: number) => {
    const bytes = await readFully(handle, at, length);
    if (bytes.length < length) throw new TarError("it ends too early");
    hash.update(bytes);
    at += length;
    return bytes;
  };
  async function* content(size: number): AsyncGenerator<Uint8Array, void> {
    for (let left = size; left > 0; ) {
      const piece = await take(Math.min(PIECE, left));
      left -= piece.length;
      yield piece;
    }
    await take(padding(size));
  }
  for (let pax: Pax = {}; ; ) {
    const before = hash.copy().digest("hex");
    const block = await take(BLOCK);
    if (block.every((byte) => byte === 0)) return;
    const { name, size, type } = readHeader(block);
    if (type === "x") {
      if (size > MOST_PAX) throw new TarError("a header is too long");
      const parts: Uint8Array[] = [];
      for await (const piece of content(size)) parts.push(piece);
      pax = readPax(Buffer.concat(parts).toString());
      continue;
    }
    if (type !== "0") throw new TarError("it holds what is no plain file");
    const entry = { name, size, ...pax };
    pax = {};
    const end = at + entry.size + padding(entry.size);
    yield { ...entry, before, content: () => content(entry.size) };
    if (at !== end) throw new Error(`${entry.name} was not read to its end`);
  }
}

interface Pax {
  name?: string;
  size?: number;
}

const padding = (size: number) => (BLOCK - (size % BLOCK)) % BLOCK;

function header(name: string, size: number, type: string): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  // A longer name stands in the pax header.
  Buffer.from(name).subarray(0, MOST_NAME).copy(block);
  block.write(
    `${octal(0o600, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size, 11)}\0${octal(now(), 11)}\0`,
    MOST_NAME,
  );
  block.write(`        ${type}`, 148);
  block.write("ustar\0" + "00", 257);
  block.write(`${octal(sum(block), 6)}\0 `, 148);
  return block;
}

function readHeader(block: Uint8Array): { name: string; size: number; type: string } {
  const text = (from: number, to: number) =>
    Buffer.from(block.subarray(from, to)).toString().replace(/\0.*$/s, "");
  const [size, expected] = [text(124, 136), text(148, 155)].map((digits) => Number.parseInt(digits, 8));
  const blank = Uint8Array.from(block).fill(0x20, 148, 156);
  if (!text(257, 263).startsWith("ustar") || size === undefined || !(size >= 0) || expected !== sum(blank)) {
    throw new TarError("it is no tar archive, or a damaged one");
  }
  return { name: text(0, MOST_NAME), size, type: text(156, 157) };
}

const sum = (block: Uint8Array) => block.reduce((total, byte) => total + byte, 0);
const now = () => Math.floor(Date.now() / 1000);

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes;
  while (length !== bytes + String(length).length) length = bytes + String(length).length;
  return length + rest;
}

function readPax(text: string): Pax {
  const pax: Pax = {};
  for (const [, key, value] of text.matchAll(/^\d+ (\w+)=(.*)$/gm)) {
    if (key === "path") pax.name = value as string;
    if (key === "size") pax.size = Number(value);
  }
  if (pax.size !== undefined && !Number.isSafeInteger(pax.size)) throw new TarError("a size is no number");
  return pax;
}
