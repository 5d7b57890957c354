/** `edgebatch run`: a file as a batch, whose state outlives this process. */

import { isTerminal } from "../core/rules.ts";
import type { Batch } from "../core/types.ts";
import { InputChanged, identify, type OnBytes, recognize } from "./input-file.ts";
import { type Plan, plan, type RunOptions, refuseExisting } from "./plan.ts";
import { left, modeFor, Progress } from "./progress.ts";
import { publish, report } from "./report.ts";
import { damagedDatabase, openSession, type Session } from "./session.ts";
import { Signals } from "./signals.ts";
import { type Job, State } from "./state.ts";
import { bytes, CannotRun, count, exit, plural, say } from "./terminal.ts";
import { showProgress } from "./watch.ts";

/** Runs a file, or resumes its run. Gives the exit status. */
export async function run(name: string, options: RunOptions): Promise<number> {
  const work = await plan(name, options);
  const progress = new Progress(modeFor({ quiet: options.quiet === true, lines: true }));
  const state = await State.open(work.folder);
  try {
    if (options.fresh) await state.clear();
    const found = await state.job();
    if (found?.moved) {
      throw new CannotRun(
        `${name} was moved to another host, which runs it; --fresh runs it here from the start`,
      );
    }
    if (found?.finished !== undefined) {
      await state.remove();
      return await report(work, found.finished, options, null);
    }
    if (options.salvage) {
      return await runJob(work, await salvaged(found, state), true, state, options, progress);
    }
    const earlier = found === null ? null : await checked(found, work, options, state, progress);
    const job = earlier ?? (await begin(work, state, options, progress));
    return await runJob(work, job, earlier !== null, state, options, progress);
  } catch (error) {
    if (error instanceof InputChanged) throw changed(name, null);
    throw damagedDatabase(state, error);
  } finally {
    progress.stop();
    state.release();
  }
}

async function begin(work: Plan, state: State, options: RunOptions, progress: Progress): Promise<Job> {
  try {
    // Whatever is there was left by a start that did not come so far.
    await state.clear();
    await refuseExisting(work, options);
    const unpackTo = work.packed ? state.unpacked : null;
    const input = await identify(work.input, unpackTo, showReading(progress));
    const { name, url, endpoint } = work;
    const { budget, dedupe, order } = options;
    const job: Job = {
      ...{ name, input, url, endpoint },
      ...(budget && { budget }),
      ...(dedupe && { dedupe: true }),
      ...(order && { order }),
    };
    await state.saveJob(job);
    return job;
  } catch (error) {
    await state.remove();
    throw error;
  } finally {
    progress.stop();
  }
}

/**
 * The job that is under way, as far as it is of the same content, server and endpoint; null for one that may be
 * forgotten, as it has no answers yet. @throws CannotRun
 */
async function checked(
  job: Job,
  work: Plan,
  options: RunOptions,
  state: State,
  progress: Progress,
): Promise<Job | null> {
  const input = await recognize(work.input, job.input, showReading(progress)).finally(() => progress.stop());
  // An endpoint that was read off the first line is that of the content.
  const sameEndpoint = options.endpoint === undefined || options.endpoint === job.endpoint;
  const cameLately = job.imported !== undefined && job.url === null;
  const sameBudget = cameLately || JSON.stringify(options.budget) === JSON.stringify(job.budget);
  const sameDedupe = !options.dedupe || job.dedupe === true;
  const sameServer = cameLately || job.url === work.url;
  if (input !== null && sameServer && sameEndpoint && sameBudget && sameDedupe) {
    const { url } = work;
    if (input !== job.input || url !== job.url) await state.saveJob(Object.assign(job, { input, url }));
    return job;
  }
  if (!job.answered) return null;
  if (input !== null && !sameBudget) {
    const caps = Object.entries(job.budget ?? {}).map(([name, most]) => `${name}=${most}`);
    const same = caps.length === 0 ? "no --budget resumes it" : `--budget ${caps.join()} resumes it`;
    throw new CannotRun(
      `an unfinished run of ${work.name} is here (${work.folder}), with another budget: ${same}, --fresh discards it, --salvage first takes the answers it has`,
    );
  }
  const where = `${job.url ?? "the embedded model echo-1"} for ${job.endpoint}${sameDedupe ? "" : ", without --dedupe"}`;
  if (input !== null) {
    throw new CannotRun(
      `an unfinished run of ${work.name} is here (${work.folder}), of ${where}: the same ${sameDedupe ? "--url and --endpoint resume" : "command without it resumes"} it, --fresh discards it, --state FOLDER starts another beside it`,
    );
  }
  if (job.name !== work.name && options.state !== undefined) {
    throw new CannotRun(
      `${work.folder} holds an unfinished run of another file (${job.name}); --fresh discards it`,
    );
  }
  throw changed(work.name, "since its run began");
}

function changed(name: string, since: string | null): CannotRun {
  return new CannotRun(
    `${name} has changed ${since ?? "while it was run"}; --fresh discards that run and starts over, --salvage first takes the answers it has`,
  );
}

async function salvaged(job: Job | null, state: State): Promise<Job> {
  if (job?.batch !== undefined) return job;
  if (job === null) await state.remove();
  throw new CannotRun(`there is no unfinished run in ${state.folder}`);
}

async function runJob(
  work: Plan,
  job: Job,
  resumed: boolean,
  state: State,
  options: RunOptions,
  progress: Progress,
): Promise<number> {
  const note = (text: string) => progress.note(`edgebatch: ${text}`);
  const session = await openSession(work, job, state, options, note);
  const { batches, upstream } = session;
  const signals = new Signals({
    first: () => {
      const { inFlight } = upstream;
      const ending = inFlight === 0 ? "" : `: ${plural(inFlight, "request")} in flight may end`;
      note(`stopping${ending}; Ctrl-C again quits at once.`);
      void batches.stop();
    },
    second: () => {
      progress.stop();
      say("edgebatch: quit at once; the same command resumes from what was saved.");
    },
  });
  try {
    if (resumed && !isOver(session.batch)) await refuseExisting(work, options);
    if (!options.quiet && !options.salvage) {
      const where = job.url === null ? "the embedded model echo-1 (--url names a server)" : work.server;
      note(`${resumed ? "resuming" : "running"} ${work.name}: ${job.endpoint} of ${where}`);
    }
    const began = performance.now();
    const batch = await drive(session, signals, progress);
    if (!isOver(batch)) return stopped(work, batch, session, signals);
    const failures = await publish(work, session, batch, options.force === true);
    // From here on, all that a crash leaves to do is this removal.
    const finished = { batch, failures };
    await state.saveJob({ ...job, finished });
    await session.close();
    await state.remove();
    return await report(work, finished, options, (performance.now() - began) / 1_000);
  } finally {
    signals.end();
    await session.close();
  }
}

/** Runs the batch until it is over, or is to stop. */
async function drive(session: Session, signals: Signals, progress: Progress): Promise<Batch> {
  const { batches, batch, upstream, broken } = session;
  const showing = showProgress(session, progress);
  try {
    for (;;) {
      const turn = batches.runTurn(batch.id);
      // A turn that is abandoned ends once nothing waits for it.
      turn.catch(() => {});
      const end = await Promise.race([turn, broken]);
      if (
        end?.state === "terminal" ||
        signals.received !== null ||
        upstream.stopped !== null ||
        session.changed()
      ) {
        return await batches.retrieve(batch.id);
      }
      if (end === undefined) continue;
      if (end.state === "faulted") {
        throw new CannotRun(
          `the run cannot continue: ${end.message}. Nothing is lost: the same command resumes`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, (end.wakeAt ?? 0) - Date.now())));
    }
  } finally {
    await showing.end();
    progress.stop();
  }
}

function isOver({ status }: Batch): boolean {
  return isTerminal[status];
}

function stopped(work: Plan, { request_counts }: Batch, session: Session, signals: Signals): number {
  const { total, completed, failed } = request_counts;
  const where =
    total === 0
      ? "before the first request"
      : `with ${count(completed + failed)} of ${plural(total, "request")} done`;
  if (session.changed()) {
    say(`edgebatch: stopped ${where}.`);
    throw changed(work.name, null);
  }
  const trouble = session.upstream.stopped;
  if (trouble?.kind === "down") say(`edgebatch: the server is unreachable: ${trouble.text}`);
  if (trouble?.kind === "refused") say(`edgebatch: the server refuses everything: ${trouble.text}`);
  say(`edgebatch: stopped ${where}.`);
  say(
    trouble?.kind === "refused"
      ? "Nothing is lost: fix it, and the same command resumes, with another key too (--keep-trying does not stop at refusals)."
      : "Nothing is lost: the same command resumes.",
  );
  if (signals.received !== null) return signals.received === "SIGTERM" ? exit.terminated : exit.interrupted;
  return trouble?.kind === "refused" ? exit.refused : exit.cannotRun;
}

function showReading(progress: Progress): OnBytes {
  return (done, total) =>
    progress.update({
      phase: "reading",
      done,
      total,
      text: (rate) => [`${bytes(done)} of ${bytes(total)}`, ...left(total - done, rate), `${bytes(rate)}/s`],
    });
}
