/** `edgebatch results`: a batch's files, onto this machine. */

import { open } from "node:fs/promises";
import { failuresIn, inWords } from "../failures.ts";
import { discard } from "../place.ts";
import { left, modeFor, Progress } from "../progress.ts";
import { resultTargets, type Target } from "../target.ts";
import { bytes, CannotRun, exit, print, say } from "../terminal.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { downloadInto, downloadTo } from "./download.ts";
import { follow, statusOf } from "./follow.ts";
import { countsOf, findBatch, hasEnded, printInputErrors, type RemoteBatch, summary } from "./remote.ts";

export interface ResultsOptions extends ServerOptions {
  out?: string;
  errors?: string;
  force?: boolean;
  wait?: boolean;
  failOnError?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** Downloads what a batch has left. Gives the exit status. */
export async function results(id: string, options: ResultsOptions): Promise<number> {
  const progress = new Progress(modeFor({ quiet: options.quiet === true, lines: true }));
  const api = new Api(connectionOf(options), options.patience * 1_000, (text) =>
    progress.note(`edgebatch: ${text}`),
  );
  let batch = await findBatch(api, id);
  const { output, errors } = await targets(batch, options);
  if (!hasEnded(batch) && options.wait) {
    const end = await follow(api, batch, progress);
    if (typeof end === "number") return end;
    batch = end;
  }
  if (!hasEnded(batch)) {
    const { total, done } = countsOf(batch);
    const far = total === 0 ? "" : `, with ${done} of ${total} requests done`;
    throw new CannotRun(`${batch.id} has not ended: it is ${batch.status}${far}. --wait waits for it`);
  }
  const wrote: string[] = [];
  const files = {
    output: await get(batch.output_file_id, output),
    errors: await get(batch.error_file_id, errors),
  };
  const isEmpty = !batch.output_file_id && !batch.error_file_id;
  if (options.json) await print(`${JSON.stringify({ ...batch, files })}\n`);
  else await printInputErrors(api, batch);
  if (!options.quiet && !options.json) {
    say(summary(batch));
    if (errors.kind === "file" && files.errors !== null)
      say(`failed: ${inWords(await failuresIn(errors.path))}`);
    if (isEmpty) say("it has left no files");
    for (const path of wrote) say(`wrote ${path}`);
  }
  if (options.failOnError && countsOf(batch).failed > 0) return exit.bad;
  return statusOf(batch);

  async function get(file: string | null | undefined, to: Target): Promise<string | null> {
    if (!file) {
      // What an earlier batch left there must not be taken for this one's.
      if (options.force && to.kind === "file" && to.exists) await discard(to.path);
      return null;
    }
    const phase = to === output ? "downloading answers" : "downloading errors";
    const show = (done: number, total: number | null) =>
      progress.update({ phase, done, total, text: told(done, total) });
    try {
      if (to.kind === "file") await downloadTo(api, file, to.path, options.force === true, show);
      else await into(file, to, show);
    } finally {
      progress.stop();
    }
    if (to.path !== "-") wrote.push(to.path);
    return to.path === "-" ? null : to.path;
  }

  async function into(file: string, { path }: Target, show: (done: number, total: number | null) => void) {
    if (path === "-") return await downloadInto(api, file, print, show);
    const handle = await open(path, "w");
    await downloadInto(api, file, (chunk) => handle.writeFile(chunk), show).finally(() => handle.close());
  }
}

/** Where both files are to go. @throws CannotRun */
function targets(batch: RemoteBatch, options: ResultsOptions) {
  // An id is the server's: no path comes out of it.
  const stem = batch.id.replace(/[^\w-]/g, "_").slice(0, 100);
  return resultTargets(stem, options);
}

function told(done: number, total: number | null): (rate: number) => string[] {
  return (rate) => [
    total === null ? bytes(done) : `${bytes(done)} of ${bytes(total)}`,
    ...left((total ?? done) - done, rate),
    `${bytes(rate)}/s`,
  ];
}
