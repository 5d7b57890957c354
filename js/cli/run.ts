/** `edgebatch run`: a file as a batch, whose state outlives this process. */

import type { Batch } from "../types.ts";
import { type Plan, plan, type RunOptions, refuseExisting } from "./plan.ts";
import { modeFor, Progress } from "./progress.ts";
import { publish, report } from "./report.ts";
import { openSession, type Session } from "./session.ts";
import { Signals } from "./signals.ts";
import { type Job, State } from "./state.ts";
import { CannotRun, count, exit, plural, say } from "./terminal.ts";
import { showProgress } from "./watch.ts";

/** Runs a file, or goes on with it. Gives the exit status. */
export async function run(name: string, options: RunOptions): Promise<number> {
  const work = await plan(name, options);
  const state = await State.open(work.folder);
  try {
    if (options.fresh) await state.clear();
    const earlier = await state.job();
    if (earlier?.finished !== undefined) {
      await state.remove();
      return await report(work, earlier.finished, options, null);
    }
    const job = earlier === null ? await begin(work, state, options) : checked(earlier, work, options);
    return await runJob(work, job, earlier !== null, state, options);
  } finally {
    state.release();
  }
}

async function begin(work: Plan, state: State, options: RunOptions): Promise<Job> {
  try {
    // Whatever is there was left by a start that did not come so far.
    await state.clear();
    await refuseExisting(work, options);
  } catch (error) {
    await state.remove();
    throw error;
  }
  const job = { input: work.input, url: work.url, endpoint: work.endpoint };
  await state.saveJob(job);
  return job;
}

/** An endpoint that was read off the first line stays: whether the file is the same is checked by other means. */
function checked(job: Job, work: Plan, options: RunOptions): Job {
  const sameEndpoint = options.endpoint === undefined || options.endpoint === job.endpoint;
  if (job.input === work.input && job.url === work.url && sameEndpoint) return job;
  const held = `an unfinished run of another file, server or endpoint (${job.input})`;
  throw new CannotRun(`${work.folder} holds ${held}; --fresh forgets it`);
}

async function runJob(
  work: Plan,
  job: Job,
  resumed: boolean,
  state: State,
  options: RunOptions,
): Promise<number> {
  const progress = new Progress(modeFor({ quiet: options.quiet === true, lines: true }));
  const note = (text: string) => progress.note(`edgebatch: ${text}`);
  const session = await openSession(work, job, state, options, note);
  const { batches, upstream } = session;
  const signals = new Signals({
    first: () => {
      note(
        `stopping: ${plural(upstream.inFlight, "request")} in flight may end; Ctrl-C again leaves at once.`,
      );
      void batches.stop();
    },
    second: () => {
      progress.stop();
      note("left at once; the same command goes on from what was written down.");
    },
  });
  try {
    if (resumed && !isOver(session.batch)) await refuseExisting(work, options);
    if (!options.quiet) {
      const where = job.url ?? "the embedded model echo-1 (--url names a server)";
      note(`${resumed ? "going on with" : "running"} ${work.name}: ${job.endpoint} of ${where}`);
    }
    const began = performance.now();
    const batch = await drive(session, signals, progress);
    if (!isOver(batch)) return stopped(batch, session, signals);
    await publish(work, session, batch, options.force === true);
    // From here on, all that a crash leaves to do is this removal.
    await state.saveJob({ ...job, finished: batch });
    session.close();
    await state.remove();
    return await report(work, batch, options, (performance.now() - began) / 1_000);
  } finally {
    signals.end();
    session.close();
  }
}

/** Runs the batch until it is over, or is to stop. */
async function drive({ batch, ...session }: Session, signals: Signals, progress: Progress): Promise<Batch> {
  const { batches, upstream } = session;
  const showing = showProgress({ batch, ...session }, progress);
  try {
    for (;;) {
      const { state, wakeAt, message } = await batches.runTurn(batch.id);
      if (state === "faulted") {
        throw new CannotRun(`the run cannot go on: ${message}. Nothing is lost: the same command goes on`);
      }
      if (state === "terminal" || signals.received !== null || upstream.unreachable !== null) {
        return await batches.retrieve(batch.id);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, (wakeAt ?? 0) - Date.now())));
    }
  } finally {
    await showing.end();
    progress.stop();
  }
}

function isOver({ status }: Batch): boolean {
  return ["completed", "failed", "expired", "cancelled"].includes(status);
}

function stopped({ request_counts }: Batch, { upstream }: Session, signals: Signals): number {
  const { total, completed, failed } = request_counts;
  if (upstream.unreachable !== null) say(`edgebatch: the server is out of reach: ${upstream.unreachable}`);
  const where =
    total === 0
      ? "before the first request"
      : `with ${count(completed + failed)} of ${plural(total, "request")} done`;
  say(`edgebatch: stopped ${where}.`);
  say("Nothing is lost: the same command goes on from there.");
  if (signals.received === null) return exit.cannotRun;
  return signals.received === "SIGTERM" ? exit.terminated : exit.interrupted;
}
