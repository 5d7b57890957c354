/**
 * Small parts of uploads. The smallest stay in the index, others are joined when the file is made: a file of thousands of
 * parts is made, and read, no slower than one of a few.
 */

import { concat } from "../core/bytes.ts";
import type { Call } from "./http.ts";
import { newId } from "./ids.ts";
import { partKey } from "./keys.ts";
import type { BlobWriter } from "./ports.ts";
import { readSegments } from "./stored-bytes.ts";
import type { PartBytes, Segment } from "./tenant/types.ts";

/** Parts up to this size stay in the index. */
const KEPT_BYTES = 64 * 1024;
/** Parts that are smaller are joined with their neighbours until they are as large. */
const SMALL_BYTES = 5 * 1024 * 1024;
/** How much is read before it is written. */
const READ_BYTES = 1024 * 1024;
const READ_PARTS = 500;

/** Runs of small parts that are to lie in one object; any other is a group of its own. */
export function groupSmall<T extends { bytes: number }>(parts: T[]): T[][] {
  const groups: T[][] = [];
  let missing = 0;
  for (const part of parts) {
    if (part.bytes >= SMALL_BYTES || missing <= 0) {
      groups.push([]);
      missing = SMALL_BYTES;
    }
    groups.at(-1)?.push(part);
    missing -= part.bytes;
  }
  return groups;
}

/** Takes a part: a small one in memory, a larger one into an object, which the index hears of before. */
export class SmallOrObject implements BlobWriter {
  readonly #key: string;
  readonly #expect: () => Promise<void>;
  readonly #object: BlobWriter;
  #small: Uint8Array | undefined = new Uint8Array(0);

  constructor({ env, var: { tenant } }: Call, key: string) {
    this.#key = key;
    this.#expect = () => tenant.expectObjects([key]);
    this.#object = env.blobs.write(key, (id) => tenant.expectMultipart(key, id));
  }

  get size(): number {
    return this.#small?.length ?? this.#object.size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#small === undefined) return this.#object.write(chunk);
    const all = concat([this.#small, chunk]);
    this.#small = all;
    if (all.length <= KEPT_BYTES) return;
    this.#small = undefined;
    await this.#expect();
    await this.#object.write(all);
  }

  async complete(): Promise<number> {
    return this.#small?.length ?? this.#object.complete();
  }

  async abort(): Promise<void> {
    await this.#object.abort();
  }

  /** Where the bytes are. */
  where(): { key: string } | { content: Uint8Array } {
    return this.#small === undefined ? { key: this.#key } : { content: this.#small };
  }
}

/** The objects of a file to be. What is cut off leaves the parts as they were, and can be done again. */
export class Joined {
  readonly #call: Call;
  readonly #uploadId: string;
  readonly #groups: { parts: PartBytes[]; key: string }[];

  constructor(call: Call, uploadId: string, parts: PartBytes[]) {
    this.#call = call;
    this.#uploadId = uploadId;
    const key = () => partKey(call.var.tenantName, newId("part_"));
    this.#groups = groupSmall(parts).map((group) => ({ parts: group, key: key() }));
  }

  /** Objects that hold the same bytes as the parts; null when one of those is gone. */
  async write(): Promise<Segment[] | null> {
    const keys = this.#newKeys();
    if (keys.length > 0) await this.#call.var.tenant.expectObjects(keys);
    const written: Segment[] = [];
    for (const { parts, key } of this.#groups) {
      const segment = isObject(parts) ? parts[0] : await this.#join(parts, key);
      if (!segment) return null;
      written.push({ key: segment.key, bytes: segment.bytes });
    }
    return written;
  }

  async remove(): Promise<void> {
    const keys = this.#newKeys();
    if (keys.length > 0) await this.#call.env.blobs.delete(keys);
  }

  #newKeys(): string[] {
    return this.#groups.filter(({ parts }) => !isObject(parts)).map(({ key }) => key);
  }

  async #join(parts: PartBytes[], key: string): Promise<Segment | null> {
    const {
      env,
      var: { tenant },
    } = this.#call;
    const writer = env.blobs.write(key, (id) => tenant.expectMultipart(key, id));
    try {
      for await (const bytes of this.#read(parts)) {
        if (bytes === null) {
          await writer.abort();
          return null;
        }
        await writer.write(bytes);
      }
      return { key, bytes: await writer.complete() };
    } catch (error) {
      await writer.abort().catch(() => undefined);
      throw error;
    }
  }

  /** The bytes of parts in their order, about a mebibyte at a time; null for those that are gone. */
  async *#read(parts: PartBytes[]): AsyncGenerator<Uint8Array | null, undefined> {
    for (let from = 0; from < parts.length; ) {
      const kept = "kept" in (parts[from] as PartBytes);
      let [to, size] = [from, 0];
      for (; to < parts.length && size < READ_BYTES && to - from < READ_PARTS; to++) {
        const part = parts[to] as PartBytes;
        if ("kept" in part !== kept) break;
        size += part.bytes;
      }
      const run = parts.slice(from, to);
      from = to;
      const { tenant } = this.#call.var;
      if (kept)
        yield await tenant.partContent(
          this.#uploadId,
          run.map(({ id }) => id),
        );
      else yield await readSegments(this.#call.env.blobs, run as Segment[], 0, size);
      // Others are to be answered meanwhile.
      await new Promise((next) => setTimeout(next, 0));
    }
  }
}

/** Whether a group needs no other object than the one it is. */
function isObject(parts: PartBytes[]): parts is [Segment & PartBytes] {
  return parts.length === 1 && "key" in (parts[0] as PartBytes);
}
