/** Answers that lanes keep for a short while, for a Runner that died before it had them. */

import type { InferenceResponse } from "../core/types.ts";

/** How long an answer is kept. A Runner that died is back within a quarter of this. */
export const KEPT_MS = 60_000;
/** Bytes of all lanes of an isolate together: it has 128 MB for everything. */
const MOST_BYTES = 16_000_000;

interface Entry {
  lane: Map<string, Entry>;
  key: string;
  batchId: string;
  answer: InferenceResponse;
  until: number;
}

/** The oldest first. Those of a lane that was put away stay until their time is over, or others need the room. */
const entries = new Set<Entry>();
let bytes = 0;

function drop(entry: Entry): void {
  if (!entries.delete(entry)) return;
  bytes -= entry.answer.body.length;
  entry.lane.delete(entry.key);
}

/** Drops what is over its time, and as much more as has to go for `room` bytes. */
function makeRoom(room: number): void {
  const now = Date.now();
  for (const entry of entries) {
    if (entry.until > now && bytes + room <= MOST_BYTES) return;
    drop(entry);
  }
}

/** Those of one lane. */
export class Memo {
  readonly #entries = new Map<string, Entry>();

  keep(batchId: string, key: string, answer: InferenceResponse): void {
    const size = answer.body.length;
    const before = this.#entries.get(key);
    if (before) drop(before);
    makeRoom(size);
    if (size > MOST_BYTES) return;
    const entry = { lane: this.#entries, key, batchId, answer, until: Date.now() + KEPT_MS };
    this.#entries.set(key, entry);
    entries.add(entry);
    bytes += size;
  }

  /** An answer, once: whoever has it may ask for the request again, and then means it. */
  take(key: string): InferenceResponse | undefined {
    makeRoom(0);
    const entry = this.#entries.get(key);
    if (entry) drop(entry);
    return entry?.answer;
  }

  keys(batchId: string): string[] {
    makeRoom(0);
    return [...this.#entries.values()].filter((entry) => entry.batchId === batchId).map(({ key }) => key);
  }
}
