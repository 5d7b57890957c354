/** Fetches the files of a batch, and opens them together. */
import { signal } from "@preact/signals";
import type { Batch } from "../../core/types.ts";
import type { Connection } from "../batches/connection.ts";
import { download } from "../batches/download.ts";
import { bytes, percent } from "../format.ts";
import type { ChosenFile } from "./protocol.ts";
import { openFailure, openResults } from "./session.ts";

/** What is being fetched, and how far it is; null when nothing is. */
export const fetching = signal<{ what: string; got: string } | null>(null);
let running: AbortController | null = null;

export function stopFetching(): void {
  running?.abort();
}

/** Shows the results of a batch that is over. An input that is deleted by now is done without. */
export async function openBatchResults(to: Connection, batch: Batch): Promise<void> {
  stopFetching();
  const stop = new AbortController();
  running = stop;
  openFailure.value = "";
  location.hash = "#/results";
  const wanted: [what: string, file: string | null | undefined][] = [
    ["output", batch.output_file_id],
    ["errors", batch.error_file_id],
    ["input", batch.input_file_id],
  ];
  const files: ChosenFile[] = [];
  try {
    for (const [what, id] of wanted) {
      if (!id) continue;
      const tell = (got: number, of: number | null) => {
        if (running === stop) fetching.value = { what, got: of ? percent(got, of) : bytes(got) };
      };
      tell(0, null);
      try {
        files.push({ name: `${batch.id}-${what}.jsonl`, blob: await download(to, id, tell, stop.signal) });
      } catch (error) {
        if (what !== "input" || stop.signal.aborted) throw error;
      }
    }
    await openResults(files);
  } catch (error) {
    if (!stop.signal.aborted) openFailure.value = (error as Error).message;
  } finally {
    if (running === stop) fetching.value = null;
  }
}
