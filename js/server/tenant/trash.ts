/**
 * Objects that are to be deleted. An object is here from before it is written until a file or an upload names it:
 * whatever is cut off between, its bytes are found again.
 */

import type { KV, KVOp } from "../../core/types.ts";
import { atTime, fileBytes, fileOfSegment, ofTime, WASTE, WRITING_DUE, writing } from "../keys.ts";
import type { Blobs } from "../ports.ts";
import { Change, change, entries } from "./change.ts";
import type { Segment } from "./types.ts";

/** How long an object may take to be written, in seconds. What is not named by then never will be. */
export const WRITING_SECONDS = 86_400;
/** How many objects are deleted, and how many writes in parts are thrown away, at once. */
const MOST_OBJECTS = 1000;
const MOST_WRITES = 20;

/** An object that is being written. */
export interface Writing {
  until: number;
  /** Whether it is to be deleted then; one that was there before is only replaced. */
  isNew: boolean;
  /** Writes in parts, which are invisible and stay until they are thrown away. */
  uploadIds: string[];
}

export class Trash {
  readonly #kv: KV;

  constructor(kv: KV) {
    this.#kv = kv;
  }

  /** Objects that are about to be written. */
  expect(keys: string[], now: number): Promise<void> {
    return change(this.#kv, async (c) => {
      for (const key of keys) {
        const { uploadIds } = await this.#stop(c, key);
        storeWriting(c, key, { until: now + WRITING_SECONDS, isNew: true, uploadIds });
        c.delete(WASTE + key);
      }
    });
  }

  /** An object that is being written in parts. */
  expectMultipart(key: string, uploadId: string, now: number): Promise<void> {
    return change(this.#kv, async (c) => {
      const { isNew, uploadIds } = await this.#stop(c, key);
      const until = now + WRITING_SECONDS;
      storeWriting(c, key, { until, isNew, uploadIds: [...uploadIds, uploadId] });
    });
  }

  /** Objects that something names now. */
  async keep(c: Change, keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.#stop(c, key);
      c.delete(WASTE + key);
    }
  }

  /** Objects that nothing names any more. */
  throwAway(c: Change, keys: string[]): void {
    for (const key of keys) c.setBytes(WASTE + key, new Uint8Array(0));
  }

  /** Has the store delete what is due. */
  async empty(blobs: Blobs, now: number): Promise<void> {
    await this.#giveUp(blobs, now);
    const { entries: waste } = await this.#kv.list({ prefix: WASTE, limit: MOST_OBJECTS });
    if (waste.length === 0) return;
    await blobs.delete(waste.map(([key]) => key.slice(WASTE.length)));
    await this.#delete(waste.map(([key]) => key));
  }

  /** Writes that have taken too long. */
  async #giveUp(blobs: Blobs, now: number): Promise<void> {
    let [objects, writes] = [0, 0];
    for await (const [index] of entries(this.#kv, WRITING_DUE, 100)) {
      const { time, what: key } = ofTime(WRITING_DUE, index);
      if (time > now || objects++ >= MOST_OBJECTS || writes >= MOST_WRITES) return;
      const { uploadIds } = await this.#writing(new Change(this.#kv), key);
      for (const uploadId of uploadIds) await blobs.discard(key, uploadId);
      writes += uploadIds.length;
      await change(this.#kv, async (c) => {
        const { until, isNew } = await this.#writing(c, key);
        if (until > now) return;
        await this.#stop(c, key);
        c.delete(index);
        // A turn whose batch was another's by then may have begun to write once more what a file names already.
        if (isNew && !(await isNamed(c, key))) this.throwAway(c, [key]);
      });
    }
  }

  async #writing(c: Change, key: string): Promise<Writing> {
    return (await c.get<Writing>(writing(key))) ?? { until: 0, isNew: false, uploadIds: [] };
  }

  async #stop(c: Change, key: string): Promise<Writing> {
    const entry = await this.#writing(c, key);
    if (entry.until > 0) {
      c.delete(writing(key));
      c.delete(atTime(WRITING_DUE, entry.until, key));
    }
    return entry;
  }

  async #delete(keys: string[]): Promise<void> {
    const ops = keys.map((key): KVOp => ({ type: "delete", key }));
    await this.#kv.batch?.(ops);
  }
}

async function isNamed(c: Change, key: string): Promise<boolean> {
  const id = fileOfSegment(key);
  const segments = id === null ? null : await c.get<Segment[]>(fileBytes(id));
  return segments?.some((segment) => segment.key === key) ?? false;
}

export function storeWriting(c: Change, key: string, entry: Writing): void {
  c.set(writing(key), entry);
  c.setBytes(atTime(WRITING_DUE, entry.until, key), new Uint8Array(0));
}
