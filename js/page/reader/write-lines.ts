/** Writes the good lines of a file, all of a packed one, or all in parts, to new files; nothing is held whole. */
import { type FilePart, type Piece, Split } from "../../core/convert.ts";
import { defaults } from "../../core/rules.ts";
import type { ValidatorOptions } from "../../core/settings.ts";
import { Validator } from "../../core/validator.ts";
import { openSpill, type Spill } from "../spill.ts";
import { nextTask } from "./check.ts";
import { open } from "./source.ts";

const TASK_MS = 50;

export interface WrittenFile {
  blob: Blob;
  requests: number;
}

/** A file that is read through. */
export interface Reading {
  file: Blob;
  progress(read: number): void;
  stopped(): boolean;
}

interface Job extends Reading {
  /** As the file was checked: the same lines are good. */
  options: ValidatorOptions;
  /** What one new file may have at most; good lines are counted alone. */
  most: FilePart;
}

/** All bytes, unpacked. Null when stopped. */
export async function writeAll(job: Job, requests: number): Promise<WrittenFile[] | null> {
  const spill = await openSpill();
  try {
    const done = await eachPiece(job, (piece) => spill.write(piece));
    if (!done) return null;
    return [{ blob: await spill.finish(), requests }];
  } catch (error) {
    await spill.discard();
    throw error;
  }
}

/** The good lines, byte for byte, in files of at most `maxRequests`. Null when stopped. */
export async function writeGoodLines(job: Job): Promise<WrittenFile[] | null> {
  const validator = new Validator({ ...job.options, goodLines: true });
  const parts = new Parts(job.most.requests);
  const maxLine = defaults.limits.maxLineBytes + (1 << 20);
  /** The bytes before the piece that belong to a line still open, and where they start. */
  let carried = new Uint8Array();
  let start = 0;
  const take = async (bytes: Uint8Array) => {
    const offsets = validator.takeGoodLines();
    for (let i = 0; i < offsets.length; i += 2) {
      await parts.add(bytes.subarray((offsets[i] as number) - start, (offsets[i + 1] as number) - start));
    }
  };
  try {
    const done = await eachPiece(job, async (piece) => {
      const bytes = carried.length > 0 ? joined(carried, piece) : piece;
      validator.push(piece);
      validator.takeErrors();
      await take(bytes);
      // A line that is longer than any good one need not be kept; where its end is still counts.
      const open = bytes.lastIndexOf(10) + 1;
      const rest = bytes.subarray(open);
      const keep = rest.length <= maxLine ? rest : rest.subarray(rest.length - maxLine);
      start += bytes.length - keep.length;
      carried = keep.slice();
    });
    if (done) {
      validator.finish();
      await take(carried);
      return await parts.finish();
    }
    await parts.discard();
    return null;
  } catch (error) {
    await parts.discard();
    throw error;
  } finally {
    validator.free();
  }
}

/** All bytes, cut between lines into files that are within the limits. Null when stopped. */
export async function writeParts(job: Job): Promise<WrittenFile[] | null> {
  const split = new Split(job.most);
  const blobs: Blob[] = [];
  let spill: Spill | null = null;
  const end = async () => {
    if (spill) blobs.push(await spill.finish());
    spill = null;
  };
  const take = async (pieces: Piece[]) => {
    for (const { begins, bytes } of pieces) {
      if (begins) await end();
      spill ??= await openSpill();
      await spill.write(bytes);
    }
  };
  try {
    if (!(await eachPiece(job, (piece) => take(split.push(piece))))) {
      await (spill as Spill | null)?.discard();
      return null;
    }
    await take(split.finish());
    await end();
    return split.parts().map(({ requests }, i) => ({ blob: blobs[i] as Blob, requests }));
  } catch (error) {
    await (spill as Spill | null)?.discard();
    throw error;
  } finally {
    split.free();
  }
}

/** Whole lines, shared out to files. */
class Parts {
  readonly #maxRequests: number;
  readonly #done: WrittenFile[] = [];
  #spill: Spill | null = null;
  #requests = 0;

  constructor(maxRequests: number) {
    this.#maxRequests = maxRequests;
  }

  async add(line: Uint8Array): Promise<void> {
    if (this.#requests === this.#maxRequests) await this.#close();
    this.#spill ??= await openSpill();
    this.#requests++;
    await this.#spill.write(line);
  }

  async finish(): Promise<WrittenFile[]> {
    await this.#close();
    return this.#done;
  }

  async discard(): Promise<void> {
    await this.#spill?.discard();
  }

  async #close(): Promise<void> {
    if (!this.#spill) return;
    this.#done.push({ blob: await this.#spill.finish(), requests: this.#requests });
    this.#spill = null;
    this.#requests = 0;
  }
}

/** Reads a file through. Says whether it came to the end. */
export async function eachPiece(job: Reading, use: (piece: Uint8Array) => Promise<void>): Promise<boolean> {
  const source = await open(job.file);
  try {
    let reported = performance.now();
    for (let piece = await source.read(); piece; piece = await source.read()) {
      await use(piece);
      if (job.stopped()) return false;
      if (performance.now() - reported < TASK_MS) continue;
      reported = performance.now();
      job.progress(source.consumed);
      await nextTask();
    }
    return true;
  } finally {
    source.close();
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
