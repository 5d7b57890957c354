/** `edgebatch watch`: a batch from afar, until it has ended. */

import { setTimeout as sleep } from "node:timers/promises";
import { left, modeFor, Progress } from "../progress.ts";
import { Signals } from "../signals.ts";
import { count, exit, print, say } from "../terminal.ts";
import { waitOf } from "../waiting.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { Lines } from "./lines.ts";
import {
  asBatch,
  countsOf,
  findBatch,
  hasEnded,
  leftOut,
  printInputErrors,
  type RemoteBatch,
  summary,
} from "./remote.ts";

export interface WatchOptions extends ServerOptions {
  lines?: boolean;
  after?: string;
  json?: boolean;
  quiet?: boolean;
}

/** What looking at a batch costs a server is kept small: often while something happens, seldom while nothing does. */
const pollMs = { first: 500, moving: 1_000, longest: 15_000 };

/** Watches a batch until it has ended. Gives the exit status. */
export async function watch(id: string, options: WatchOptions): Promise<number> {
  const progress = new Progress(modeFor({ quiet: options.quiet === true, lines: true }));
  const api = new Api(connectionOf(options), options.patience * 1_000, (text) =>
    progress.note(`edgebatch: ${text}`),
  );
  const batch = await findBatch(api, id);
  const lines = options.lines || options.after ? new Lines(api, batch.id, options.after) : undefined;
  const end = await follow(api, batch, progress, lines);
  if (typeof end === "number") return end;
  await tellEnd(end, api, options);
  return statusOf(end);
}

/**
 * Shows a batch until it has ended, and its lines if they are to be printed; gives the exit status instead where a signal
 * came before.
 */
export async function follow(
  api: Api,
  first: RemoteBatch,
  progress: Progress,
  lines?: Lines,
): Promise<RemoteBatch | number> {
  let batch = first;
  if (hasEnded(batch) && lines === undefined) return batch;
  const control = new AbortController();
  const signals = new Signals({ first: () => control.abort(), second: () => progress.stop() });
  const told = { wait: "" };
  const path = `/batches/${encodeURIComponent(batch.id)}`;
  try {
    let wait = pollMs.first;
    for (;;) {
      const came = (await lines?.read(control.signal)) ?? false;
      if (hasEnded(batch) && !lines?.incomplete) return batch;
      if (came) wait = pollMs.first;
      show(batch, progress, told);
      await sleep(wait * (0.9 + Math.random() * 0.2), undefined, { signal: control.signal });
      const before = batch;
      batch = asBatch(await api.call({ path, signal: control.signal }));
      const moved = before.status !== batch.status || countsOf(before).done !== countsOf(batch).done;
      wait = moved ? Math.max(pollMs.moving, wait / 2) : Math.min(pollMs.longest, wait * 1.5);
    }
  } catch (error) {
    if (!control.signal.aborted) throw error;
    progress.stop();
    const { id } = batch;
    say(`edgebatch: ${id} goes on at the server. To see it again, or to end it:`);
    const from = lines === undefined ? "" : ` --lines${lines.after && ` --after ${lines.after}`}`;
    say(`  edgebatch watch ${id}${from}${api.connection.again}`);
    say(`  edgebatch cancel ${id}${api.connection.again}`);
    return signals.received === "SIGTERM" ? exit.terminated : exit.interrupted;
  } finally {
    progress.stop();
    signals.end();
  }
}

/** What is to be said when a batch has ended. */
export async function tellEnd(batch: RemoteBatch, api: Api, options: WatchOptions): Promise<void> {
  if (options.json) {
    await print(`${JSON.stringify(batch)}\n`);
    return;
  }
  await printInputErrors(api, batch);
  if (options.quiet) return;
  say(summary(batch));
  for (const line of leftOut(batch)) say(line);
  if (batch.output_file_id || batch.error_file_id) {
    say(`its files: edgebatch results ${batch.id}${api.connection.again}`);
  }
}

/** 0 for a batch that completed, 1 for one that ended otherwise. */
export function statusOf({ status }: RemoteBatch): number {
  return status === "completed" ? exit.good : exit.bad;
}

function show(batch: RemoteBatch, progress: Progress, told: { wait: string }): void {
  const { total, done, failed } = countsOf(batch);
  const wait = waitOf(batch.edgebatch?.waiting);
  if (wait?.long && wait.text !== told.wait) {
    told.wait = wait.text;
    progress.note(`edgebatch: ${wait.text}`);
  }
  progress.update({
    phase: phaseOf(batch.status),
    done,
    total: total === 0 ? null : total,
    text: (rate) =>
      total === 0
        ? [batch.id]
        : [
            `${count(done)} of ${count(total)} done`,
            `${count(failed)} failed`,
            ...(wait === null ? left(total - done, rate) : [wait.text]),
            `${rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1)}/s`,
          ],
  });
}

function phaseOf(status: string): string {
  if (status === "in_progress") return "running";
  return status === "finalizing" ? "writing the files" : status;
}
