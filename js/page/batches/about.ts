/** What tells one batch from another: its file's name, what was written on it, how old it is and how long it took. */
import { signal } from "@preact/signals";
import type { Batch } from "../../core/types.ts";
import { fileName } from "./api.ts";
import type { Connection } from "./connection.ts";

const MOST_NAMES = 2_000;

/** Names of files by server and id; null where the server does not say. */
const names = signal<ReadonlyMap<string, string | null>>(new Map());
const asked = new Set<string>();

const keyOf = ({ base }: Connection, id: string) => `${base} ${id}`;

/** The name of a batch's input file, once it is known. */
export function inputName(to: Connection, { input_file_id: id }: Batch): string | null {
  return names.value.get(keyOf(to, id)) ?? null;
}

/** Asks for the names of input files that are not known yet, one after the other. */
export async function learnNames(to: Connection, batches: Batch[], signal: AbortSignal): Promise<void> {
  for (const { input_file_id: id } of batches) {
    const key = keyOf(to, id);
    if (id === "" || asked.has(key) || signal.aborted) continue;
    if (asked.size >= MOST_NAMES) {
      asked.clear();
      names.value = new Map();
    }
    asked.add(key);
    try {
      const name = await fileName(to, id, signal);
      names.value = new Map(names.value).set(key, name);
    } catch {
      // Gone, or of a server that keeps no names: the id is shown. Asked again only if the view was left meanwhile.
      if (signal.aborted) asked.delete(key);
    }
  }
}

/** When it ended; null while it has not. */
export function endedAt(batch: Batch): number | null {
  const { completed_at, failed_at, expired_at, cancelled_at } = batch;
  return completed_at ?? failed_at ?? expired_at ?? cancelled_at ?? null;
}

/** Whether all words of a text are in what is known of a batch, in any case. */
export function matches(batch: Batch, name: string | null, text: string): boolean {
  const { id, model, endpoint, metadata, input_file_id } = batch;
  const known = [id, name, model, endpoint, input_file_id, ...Object.entries(metadata ?? {}).flat()]
    .join("\n")
    .toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => known.includes(word));
}
