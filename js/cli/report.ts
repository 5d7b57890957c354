/** The end of a run: its files in their places, and what came of it. */

import type { Batch } from "../types.ts";
import { discard, place } from "./place.ts";
import type { Plan, RunOptions } from "./plan.ts";
import type { Session } from "./session.ts";
import { CannotRun, count, duration, exit, plural, print, printErrors, say } from "./terminal.ts";

/** Puts the batch's files in their places. Doing it again, after a crash in the middle, changes nothing. */
export async function publish(plan: Plan, { disk }: Session, batch: Batch, force: boolean): Promise<void> {
  for (const [id, to] of filesOf(plan, batch)) {
    if (id === null) {
      // What an earlier run left must not be taken for this one's.
      if (force) await discard(to);
      continue;
    }
    const from = await disk.path(id);
    if (from === null) throw new CannotRun(`${plan.folder} no longer holds the finished file ${id}`);
    await place(from, to, force);
  }
}

/** Says how it ended. Gives the exit status. */
export async function report(
  plan: Plan,
  batch: Batch,
  options: RunOptions,
  seconds: number | null,
): Promise<number> {
  const errors = batch.errors?.data ?? [];
  if (options.json) await print(`${JSON.stringify(batch)}\n`);
  else await printErrors(plan.name, errors);
  const lines = batch.status === "failed" ? failure(plan, batch) : summary(batch, seconds);
  for (const [id, to] of filesOf(plan, batch)) if (id !== null) lines.push(`wrote ${to}`);
  if (!options.quiet && !options.json) for (const line of lines) say(line);
  return batch.status === "completed" ? exit.good : exit.bad;
}

function filesOf(plan: Plan, batch: Batch): [id: string | null, to: string][] {
  return [
    [batch.output_file_id, plan.output],
    [batch.error_file_id, plan.errors],
  ];
}

function failure({ name, url }: Plan, { errors }: Batch): string[] {
  const found = errors?.data ?? [];
  const lines = [`failed: ${plural(found.length, "error")} in ${name}; edgebatch validate counts them all`];
  if (url === null && found.some(({ code }) => code === "model_not_found")) {
    lines.push("the embedded model is echo-1; --url names a server that has others");
  }
  return lines;
}

function summary({ status, request_counts, usage }: Batch, seconds: number | null): string[] {
  const { total, completed, failed } = request_counts;
  const { input_tokens, output_tokens } = usage;
  const counts = `${plural(total, "request")}: ${count(completed)} completed, ${count(failed)} failed`;
  const time = seconds === null ? "" : `, in ${duration(seconds)}`;
  const tokens =
    input_tokens + output_tokens > 0 ? `, ${count(input_tokens)} tokens in, ${count(output_tokens)} out` : "";
  return [`${status}: ${counts}${time}${tokens}`];
}
