/** Fetches the results of a batch and its input, and opens them together. */
import { signal } from "@preact/signals";
import type { Batch } from "../../core/types.ts";
import { announce } from "../announce.ts";
import { CallError, send } from "../batches/api.ts";
import type { Connection } from "../batches/connection.ts";
import { download } from "../batches/download.ts";
import { isOver } from "../batches/state.tsx";
import { bytes, percent } from "../format.ts";
import type { ChosenFile } from "./protocol.ts";
import { openFailure, openResults, type ResultsSession, resultsSession, verdictOf } from "./session.ts";

/** When it is asked for more results again, after there were none. */
const WAIT_MS = 1_000;

/** What is being fetched, and how far it is; null when nothing is. */
export const fetching = signal<{ what: string; got: string } | null>(null);
let running: AbortController | null = null;

export function stopFetching(): void {
  running?.abort();
}

/** Shows the results of a batch, or of one that runs those that come. An input that is deleted by now is done without. */
export async function openBatchResults(to: Connection, batch: Batch): Promise<void> {
  stopFetching();
  const stop = new AbortController();
  running = stop;
  openFailure.value = "";
  location.hash = "#/results";
  const { id, input_file_id: input, output_file_id: output, error_file_id: errors } = batch;
  const isLive = !isOver(batch);
  const wanted: [what: string, file: string | null][] = [
    ["output", output],
    ["errors", errors],
    ["input", input],
  ];
  const files: ChosenFile[] = isLive ? [{ name: `${id}-results.jsonl`, blob: new Blob() }] : [];
  try {
    for (const [what, file] of wanted) {
      // While it runs, its results are not in files.
      if (!file || (isLive && what !== "input")) continue;
      const tell = (got: number, of: number | null) => {
        if (running === stop) fetching.value = { what, got: of ? percent(got, of) : bytes(got) };
      };
      tell(0, null);
      try {
        files.push({ name: `${id}-${what}.jsonl`, blob: await download(to, file, tell, stop.signal) });
      } catch (error) {
        if (what !== "input" || stop.signal.aborted) throw error;
      }
    }
    if (running === stop) fetching.value = null;
    await openResults(files, isLive);
    if (isLive && resultsSession.value) await follow(to, id, resultsSession.value, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) openFailure.value = (error as Error).message;
  } finally {
    if (running === stop) fetching.value = null;
  }
}

/** Has a session take in the lines of a batch as they are finished, page by page, until it has ended. */
async function follow(
  to: Connection,
  id: string,
  session: ResultsSession,
  signal: AbortSignal,
): Promise<void> {
  let after = "";
  while (resultsSession.value === session && session.phase.value !== "failed") {
    const path = `/batches/${encodeURIComponent(id)}/results?after=${encodeURIComponent(after)}`;
    try {
      const answer = await send(to, path, { signal });
      const page = await answer.blob();
      const isLast = answer.headers.get("x-incomplete") !== "true";
      if (page.size > 0) await session.append(page, isLast);
      after = answer.headers.get("x-last-line") || after;
      session.live.value = isLast ? null : { trouble: "" };
      if (isLast) return announce(session.summary.value ? verdictOf(session.summary.value) : "");
      if (page.size > 0) continue;
    } catch (error) {
      const isPassing = error instanceof CallError && (error.status === 0 || error.status >= 500);
      if (!isPassing) throw error;
      session.live.value = { trouble: error.message };
    }
    await new Promise((next) => setTimeout(next, WAIT_MS));
  }
}
