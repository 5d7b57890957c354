/** A run's state, opened: the batch, and what it runs on. */

import { fixedLimits } from "../core/rules.ts";
import {
  anyModel,
  type Batch,
  Batches,
  DiskFiles,
  echoModels,
  type FileObject,
  type Files,
  ResourceNotFoundError,
  SqliteKV,
} from "../entry/node.ts";
import { InputChanged, InputFile } from "./input-file.ts";
import type { Plan, RunOptions } from "./plan.ts";
import type { Job, State } from "./state.ts";
import { CannotRun } from "./terminal.ts";
import { Upstream } from "./upstream.ts";

/** Everything of a run that is under way. */
export interface Session {
  batches: Batches;
  batch: Batch;
  disk: DiskFiles;
  upstream: Upstream;
  input: { bytes: number };
  /** Where the input was read last. */
  readUpTo(): number;
  /** Resolves when the run cannot continue and will not end by itself. */
  broken: Promise<void>;
  /** The input has changed while it was run. */
  changed(): boolean;
  close(): Promise<void>;
}

const ownInput = "file-input";
/** With this key, a run that was cut off while it created its batch finds that batch again. */
const idempotencyKey = "edgebatch run";
/** Someone running their own file needs no cap on it. */
export const limits = { maxRequests: 100_000_000, maxFileBytes: 2 ** 40 };
/** What was answered is written down after 250 ms: so long is waited before calls are left alone that will not end. */
const graceMs = 1_000;

/** Opens what a job has stored, or begins it. Without an input, what was answered so far can be had. */
export async function openSession(
  plan: Plan,
  job: Job,
  state: State,
  options: RunOptions,
  note: (text: string) => void,
): Promise<Session> {
  const path = plan.packed ? state.unpacked : plan.input;
  const input = options.salvage ? null : await InputFile.open(path, plan.name, job.input);
  const disk = new DiskFiles(state.files);
  const kv = openDatabase(state);
  const close = async () => {
    kv.close();
    await input?.close();
  };
  try {
    const { maxLineBytes, maxResponseBytes } = options;
    let [position, changed] = [0, false];
    const broken = Promise.withResolvers<void>();
    const stop = () => {
      void batches.stop();
      setTimeout(broken.resolve, graceMs);
    };
    const upstream = new Upstream(plan.inference, {
      patienceMs: options.patience * 1_000,
      keepTrying: options.keepTrying === true,
      onNotice: note,
      onFirstAnswer: async () => {
        if (!job.answered) await state.saveJob(Object.assign(job, { answered: true as const }));
      },
      onStop: stop,
    });
    const batches = new Batches({
      kv,
      files: withInput(disk, job, async (offset, length) => {
        position = offset;
        if (input === null) throw new ResourceNotFoundError("The input is not looked at.", {});
        try {
          return await input.read(offset, length);
        } catch (error) {
          if (error instanceof InputChanged && !changed) {
            changed = true;
            stop();
          }
          throw error;
        }
      }),
      inference: upstream,
      models: job.url === null ? echoModels : anyModel,
      limits: { ...limits, maxLineBytes, maxResponseBytes },
      dialect: options.dialect,
      endpoints: [job.endpoint],
      maxConcurrentRequestsPerBatch: options.concurrency,
      maxAttempts: options.maxAttempts,
      // The call ends by itself a little earlier, and says better why.
      requestTimeoutMs: options.timeout * 1_000 + 1_000,
      completionWindowSeconds: options.window ?? null,
      ...(options.prices && { prices: options.prices }),
      autostart: false,
      // The state folder is locked: whoever ran the batch before is gone.
      soleOwner: true,
      // Said above the progress line; a stop because of a changed input is reported on its own.
      onError: (error) => {
        if (!changed)
          note((error instanceof Error ? error.message : String(error)).replace(/^edgebatch: /, ""));
      },
    });
    const batch = await begun(batches, job, state);
    return {
      batches,
      batch,
      disk,
      upstream,
      input: job.input,
      readUpTo: () => position,
      broken: broken.promise,
      changed: () => changed,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The batch: it is made, unless an earlier start has done that, or it came from another host. @throws CannotRun */
async function begun(batches: Batches, job: Job, state: State): Promise<Batch> {
  if (job.imported !== undefined && job.batch !== undefined)
    return notMoving(await batches.retrieve(job.batch), job);
  const batch = await batches.create({
    input_file_id: ownInput,
    endpoint: job.endpoint,
    completion_window: fixedLimits.completionWindow,
    idempotency_key: idempotencyKey,
    edgebatch: {
      ...(job.dedupe && { dedupe: true }),
      ...(job.order && { order: job.order }),
      ...(job.budget && { budget: job.budget }),
    },
  });
  if (job.batch === undefined) await state.saveJob(Object.assign(job, { batch: batch.id }));
  else if (job.batch !== batch.id) throw state.damaged("batch.db", "it is another one");
  return notMoving(batch, job);
}

/** @throws CannotRun for one that another host may be running */
function notMoving(batch: Batch, { name }: Job): Batch {
  if (!batch.edgebatch?.moving_at) return batch;
  throw new CannotRun(
    `${name} was exported for another host. Once that has it: edgebatch export --run ${name} --settled FENCE; to go on with it here instead: edgebatch export --run ${name} --take-back --force`,
  );
}

export function openDatabase(state: State): SqliteKV {
  try {
    return new SqliteKV(state.database);
  } catch (error) {
    throw damagedDatabase(state, error);
  }
}

/** SQLite's own words for a file that is none of its own, or only in part. */
export function damagedDatabase(state: State, error: unknown): unknown {
  const { message } = error as Error;
  return /not a database|malformed/.test(message) ? state.damaged("batch.db", message) : error;
}

/** The finished files, and the input as it was known when the run began. */
export function withInput(
  disk: DiskFiles,
  { name, input, imported: inputId = ownInput }: Pick<Job, "name" | "input" | "imported">,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Files {
  const file: FileObject = {
    id: inputId,
    object: "file",
    bytes: input.bytes,
    created_at: 0,
    filename: name,
    purpose: "batch",
  };
  return {
    retrieve: async (id) => (id === inputId ? file : disk.retrieve(id)),
    create: (options) => disk.create(options),
    read: (id, offset, length) => (id === inputId ? read(offset, length) : disk.read(id, offset, length)),
  };
}
