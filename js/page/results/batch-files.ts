/** Fetches the results of a batch and its input, and opens them together. */
import { signal } from "@preact/signals";
import type { Batch } from "../../core/types.ts";
import { send } from "../batches/api.ts";
import type { Connection } from "../batches/connection.ts";
import { download } from "../batches/download.ts";
import { isOver } from "../batches/state.tsx";
import { bytes, percent } from "../format.ts";
import { openSpill } from "../spill.ts";
import type { ChosenFile } from "./protocol.ts";
import { openFailure, openResults } from "./session.ts";

/** What is being fetched, and how far it is; null when nothing is. */
export const fetching = signal<{ what: string; got: string } | null>(null);
let running: AbortController | null = null;

type Tell = (got: number, of: number | null) => void;

export function stopFetching(): void {
  running?.abort();
}

/** Shows the results of a batch, or those so far. An input that is deleted by now is done without. */
export async function openBatchResults(to: Connection, batch: Batch): Promise<void> {
  stopFetching();
  const stop = new AbortController();
  running = stop;
  openFailure.value = "";
  location.hash = "#/results";
  const file = (id: string) => (tell: Tell) => download(to, id, tell, stop.signal);
  const { output_file_id: output, error_file_id: errors } = batch;
  const wanted: [what: string, get: (tell: Tell) => Promise<Blob>][] = [];
  if (!isOver(batch)) wanted.push(["results", (tell) => finishedSoFar(to, batch.id, tell, stop.signal)]);
  if (output) wanted.push(["output", file(output)]);
  if (errors) wanted.push(["errors", file(errors)]);
  wanted.push(["input", file(batch.input_file_id)]);
  const files: ChosenFile[] = [];
  try {
    for (const [what, get] of wanted) {
      const tell: Tell = (got, of) => {
        if (running === stop) fetching.value = { what, got: of ? percent(got, of) : bytes(got) };
      };
      tell(0, null);
      try {
        files.push({ name: `${batch.id}-${what}.jsonl`, blob: await get(tell) });
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

/** The lines of a batch that are finished by now, page by page. */
async function finishedSoFar(to: Connection, id: string, tell: Tell, signal: AbortSignal): Promise<Blob> {
  const spill = await openSpill();
  let [after, bytes] = ["", 0];
  try {
    for (;;) {
      const path = `/batches/${encodeURIComponent(id)}/results?after=${encodeURIComponent(after)}`;
      const answer = await send(to, path, { signal });
      const page = new Uint8Array(await answer.arrayBuffer());
      await spill.write(page);
      bytes += page.length;
      tell(bytes, null);
      const last = answer.headers.get("x-last-line");
      // While the batch runs more may come at any time: a page without lines is the end for now.
      if (page.length === 0 || !last || answer.headers.get("x-incomplete") !== "true")
        return await spill.finish();
      after = last;
    }
  } catch (error) {
    await spill.discard();
    throw error;
  }
}
