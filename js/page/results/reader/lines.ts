/** Single lines out of files, by where they begin. The last few blocks that were read are kept. */
import { concat, release } from "../../../core/bytes.ts";
import { readSlice } from "../../reader/source.ts";
import { MOST_LINE } from "./line-cutter.ts";

const BLOCK = 512 * 1024;
const MOST_BLOCKS = 8;
/** Numbers of files are above these bits of a place, its offset below: 16 TiB, and 512 files. */
const FILE = 2 ** 44;
export const MOST_FILES = 512;

/** A file's number and an offset in it, in one number. */
export function placeOf(file: number, offset: number): number {
  return file * FILE + offset;
}

export function fileOf(place: number): number {
  return Math.floor(place / FILE);
}

export class Lines {
  readonly #files: Blob[];
  /** By place, the one that was used last at the end. */
  readonly #blocks = new Map<number, Uint8Array>();
  /** Where blocks are wanted one after the other, the next is read while this one is looked at. */
  #ahead: { begin: number; bytes: Promise<ArrayBuffer> } | null = null;

  constructor(files: Blob[]) {
    this.#files = files;
  }

  /** The line at a place, up to `most` bytes of it. The bytes are good until the next call. */
  async at(place: number, most = MOST_LINE): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let left = most;
    for (let at = place; left > 0; ) {
      const { begin, end: next, bytes: block } = await this.around(at);
      const from = at - begin;
      const end = block.indexOf(10, from);
      const part = block.subarray(from, Math.min(end < 0 ? block.length : end, from + left));
      if (parts.length === 0 && (end >= 0 || part.length === left)) return part;
      // Blocks that were read before are let go, so what is kept of them is a copy.
      parts.push(part.slice());
      left -= part.length;
      if (end >= 0 || block.length < BLOCK) break;
      at = next;
    }
    return concat(parts);
  }

  /** The block in which a place is, and where it begins. The bytes are good until the next call. */
  async around(place: number): Promise<{ begin: number; end: number; bytes: Uint8Array }> {
    const begin = place - (place % BLOCK);
    return { begin, end: begin + BLOCK, bytes: await this.#block(begin) };
  }

  async #block(begin: number): Promise<Uint8Array> {
    let block = this.#blocks.get(begin);
    this.#blocks.delete(begin);
    if (!block) {
      const read = this.#ahead?.begin === begin ? this.#ahead.bytes : this.#read(begin);
      const isInOrder = this.#blocks.has(begin - BLOCK);
      this.#ahead = isInOrder ? { begin: begin + BLOCK, bytes: this.#read(begin + BLOCK) } : null;
      block = new Uint8Array(await read);
    }
    this.#blocks.set(begin, block);
    for (const [key, old] of this.#blocks) {
      if (this.#blocks.size <= MOST_BLOCKS) break;
      this.#blocks.delete(key);
      release(old);
    }
    return block;
  }

  #read(begin: number): Promise<ArrayBuffer> {
    const offset = begin % FILE;
    const bytes = readSlice(this.#files[fileOf(begin)] as Blob, offset, offset + BLOCK);
    // Whoever wants it sees its failure; until then nobody does.
    bytes.catch(() => {});
    return bytes;
  }
}
