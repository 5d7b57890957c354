/** Values in parts: written before a head names them, and cleared away when none does any more. */

import { concat } from "../../../core/bytes.ts";
import type { Calls } from "./calls.ts";
import type { DenoKvVersion } from "./database.ts";
import {
  type Journal,
  keyBytes,
  type Layout,
  MOST_BYTES,
  MOST_KEY_BYTES,
  MOST_WRITES,
  partCount,
  type Split,
} from "./layout.ts";
import type { Part, Plan } from "./plan.ts";

/** After how long parts that no head names are taken for left by a process that was killed. Where it was only slow, it writes anew. */
const STALE_MS = 60_000;
/** How often that is looked for. */
const SWEEP_MS = 60_000;
/** Journals of killed processes that are cleared at one time. */
const MOST_SWEPT = 100;

/** What is written of a plan before its heads are. */
export interface Staged {
  /** The entry that names the parts; none where all fit into the transaction of the heads. */
  journal: DenoKvVersion | null;
  /** Parts that are yet to be written, with the heads. */
  rest: Part[];
}

export class Parts {
  readonly #calls: Calls;
  readonly #layout: Layout;
  #sweepAt = Number.NEGATIVE_INFINITY;

  constructor(calls: Calls, layout: Layout) {
    this.#calls = calls;
    this.#layout = layout;
  }

  /** The value, or null where its parts are not all there: then no head names it any more. */
  async read({ id, bytes }: Split): Promise<Uint8Array | null> {
    const count = partCount(bytes);
    const found = await this.#calls.list(this.#layout.part(id, 0), this.#layout.part(id, count), count);
    return found.length < count ? null : concat(found.map(({ value }) => value as Uint8Array));
  }

  /**
   * Writes the parts that do not fit into the transaction of the heads. The first transaction writes a journal that names all
   * of them, and each further one holds only while that stands. Null where it does not: it was taken for a killed process's.
   */
  async stage({ parts, named, room }: Plan): Promise<Staged | null> {
    const rest = [...parts];
    const key = this.#layout.journal(crypto.randomUUID());
    let journal: DenoKvVersion = { key, versionstamp: null };
    let left = rest.reduce((sum, { bytes }) => sum + bytes.length, 0);
    while (left > room) {
      const group = takeGroup(rest);
      const version = await this.#calls.commit((transaction) => {
        transaction.check(journal);
        if (journal.versionstamp === null) {
          const entry: Journal = { at: Date.now(), parts: named };
          transaction.set(key, entry);
        }
        for (const part of group) transaction.set(part.key, part.bytes);
      });
      if (version === null) return null;
      if (journal.versionstamp === null) journal = { key, versionstamp: version };
      left -= group.reduce((sum, { bytes }) => sum + bytes.length, 0);
    }
    return { journal: journal.versionstamp === null ? null : journal, rest };
  }

  /** Whether a journal is as it was written. */
  async isStanding({ key, versionstamp }: DenoKvVersion): Promise<boolean> {
    return (await this.#calls.readOne(key)).versionstamp === versionstamp;
  }

  /**
   * Deletes the parts that a journal names, and the journal with the last of them. Where somebody else has changed it they are
   * that one's: the writer's, whose heads name them now, or another's who clears them away.
   */
  async clear(journal: DenoKvVersion, parts: Journal["parts"]): Promise<void> {
    const rest = parts.map(([id, count]): [string, number] => [id, count]);
    let { versionstamp } = journal;
    while (versionstamp !== null) {
      const gone = this.#takeLast(rest);
      const checked = { key: journal.key, versionstamp };
      versionstamp = await this.#calls.commit((transaction) => {
        transaction.check(checked);
        for (const key of gone) transaction.delete(key);
        if (rest.length === 0) transaction.delete(journal.key);
        else transaction.set(journal.key, { at: 0, parts: rest } satisfies Journal);
      });
      if (rest.length === 0) return;
    }
  }

  /** Clears away, once a minute at most, what killed processes have left. What fails is left to a later time. */
  async sweep(): Promise<void> {
    const now = Date.now();
    if (now < this.#sweepAt && now > this.#sweepAt - SWEEP_MS) return;
    this.#sweepAt = now + SWEEP_MS;
    try {
      const found = await this.#calls.list(this.#layout.journal(""), this.#layout.journalsEnd(), MOST_SWEPT);
      for (const entry of found) {
        const { at, parts } = entry.value as Journal;
        // In either direction: a clock that was set back does not keep them for ever.
        if (Math.abs(now - at) >= STALE_MS) await this.clear(entry, parts);
      }
    } catch {}
  }

  /** Takes as many keys of parts as one transaction deletes, from the end. */
  #takeLast(parts: Journal["parts"]): ReturnType<Layout["part"]>[] {
    const keys: ReturnType<Layout["part"]>[] = [];
    let bytes = 0;
    for (let last = parts.at(-1); last !== undefined && keys.length < MOST_WRITES; last = parts.at(-1)) {
      const key = this.#layout.part(last[0], last[1] - 1);
      bytes += keyBytes(key);
      if (bytes > MOST_KEY_BYTES / 2) break;
      keys.push(key);
      if (--last[1] === 0) parts.pop();
    }
    return keys;
  }
}

/** Takes as many parts as one transaction writes, from the beginning. */
function takeGroup(parts: Part[]): Part[] {
  let bytes = 0;
  let count = 0;
  for (const part of parts) {
    bytes += part.bytes.length;
    if (count === MOST_WRITES || bytes > MOST_BYTES) break;
    count++;
  }
  return parts.splice(0, count);
}
