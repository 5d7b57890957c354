/** The end of a run: its files moved to where they belong, and a summary. */

import type { Batch, BatchError } from "../core/types.ts";
import { leftOut } from "./client/remote.ts";
import { emptyFile } from "./empty-file.ts";
import { type Failures, failuresIn, inWords } from "./failures.ts";
import { discard, place } from "./place.ts";
import type { Plan, RunOptions } from "./plan.ts";
import type { Session } from "./session.ts";
import { pour, type Target } from "./target.ts";
import { CannotRun, count, duration, exit, plural, print, printErrors, say } from "./terminal.ts";

/**
 * Moves the batch's files to where they belong, and says why requests failed. Doing it again, after a crash in the middle,
 * changes nothing.
 */
export async function publish(
  plan: Plan,
  { disk }: Session,
  batch: Batch,
  force: boolean,
): Promise<Failures> {
  let failures: Failures = [];
  for (const [id, to] of filesOf(plan, batch)) {
    if (id === null) {
      // What an earlier run left must not be taken for this one's.
      if (force && to.kind === "file") await discard(to.path);
      continue;
    }
    const from = await disk.path(id);
    if (from === null) throw new CannotRun(`${plan.folder} no longer holds the finished file ${id}`);
    if (id === batch.error_file_id) failures = await failuresIn(from);
    if (to.kind === "stream") await pour(from, to);
    else await place(from, to.path, force);
  }
  return failures;
}

/** Says how it ended. Gives the exit status. */
export async function report(
  plan: Plan,
  { batch, failures }: { batch: Batch; failures: Failures },
  options: RunOptions,
  seconds: number | null,
): Promise<number> {
  const { status, request_counts } = batch;
  const empty = status === "completed" && request_counts.total === 0;
  const errors = empty ? [emptyFile] : (batch.errors?.data ?? []);
  const [output, errorFile] = filesOf(plan, batch).map(([id, to]) => (id === null ? null : to.path));
  if (options.json) {
    const files = { output, errors: errorFile };
    const reasons = failures.map(([reason, times]) => ({ reason, count: times }));
    await print(`${JSON.stringify({ ...batch, files, failures: reasons })}\n`);
  } else if (!options.salvage) {
    await printErrors(plan.name, errors, plan.output.path === "-" ? say : undefined);
  }
  const lines =
    empty || (status === "failed" && !options.salvage)
      ? failure(plan, errors)
      : [
          summary(batch, seconds, options),
          ...leftOut(batch),
          ...(failures.length > 0 ? [`failed: ${inWords(failures)}`] : []),
        ];
  for (const path of [output, errorFile]) if (path && path !== "-") lines.push(`wrote ${path}`);
  if (!options.quiet && !options.json) for (const line of lines) say(line);
  if (options.salvage) return exit.good;
  if (status !== "completed" || empty) return exit.bad;
  return options.failOnError && request_counts.failed > 0 ? exit.bad : exit.good;
}

function filesOf(plan: Plan, batch: Batch): [id: string | null, to: Target][] {
  return [
    [batch.output_file_id, plan.output],
    [batch.error_file_id, plan.errors],
  ];
}

/** How many errors of a file a batch keeps. */
const mostErrors = 1_000;

function failure({ name, url }: Plan, errors: BatchError[]): string[] {
  const all = errors.length < mostErrors ? "" : "; edgebatch validate counts them all";
  const lines = [`failed: ${plural(errors.length, "error")} in ${name}${all}`];
  if (url === null && errors.some(({ code }) => code === "model_not_found")) {
    lines.push("the embedded model is echo-1; --url names a server that has others");
  }
  return lines;
}

function summary(
  { status, request_counts, usage, edgebatch }: Batch,
  seconds: number | null,
  options: RunOptions,
): string {
  const { total, completed, failed } = request_counts;
  const { input_tokens, output_tokens } = usage;
  const repeats = edgebatch?.deduped?.requests ?? 0;
  const saved = repeats > 0 ? `, ${count(repeats)} of them not asked again` : "";
  const counts = `${plural(total, "request")}: ${count(completed)} completed, ${count(failed)} failed${saved}`;
  const time = seconds === null || options.salvage ? "" : `, in ${duration(seconds)}`;
  const tokens =
    input_tokens + output_tokens > 0 ? `, ${count(input_tokens)} tokens in, ${count(output_tokens)} out` : "";
  return `${options.salvage ? "salvaged" : status}: ${counts}${time}${tokens}`;
}
