/** A run's state, opened: the batch, and what it runs on. */

import {
  anyModel,
  type Batch,
  Batches,
  DiskFiles,
  echoInference,
  echoModels,
  type FileObject,
  type Files,
  type Inference,
  ResourceNotFoundError,
  SqliteKV,
} from "../entry/node.ts";
import type { Plan, RunOptions } from "./plan.ts";
import type { Job, State } from "./state.ts";
import { CannotRun } from "./terminal.ts";
import { connect, Upstream } from "./upstream.ts";

/** Everything of a run that is under way. */
export interface Session {
  batches: Batches;
  batch: Batch;
  disk: DiskFiles;
  upstream: Upstream;
  input: FileObject;
  /** Where the input was read last. */
  readUpTo(): number;
  close(): void;
}

const inputId = "file-input";
/** With this key, a run that was cut off while it created its batch finds that batch again. */
const idempotencyKey = "edgebatch run";
/** Someone running a file of his own needs no cap on it. */
const limits = { maxRequests: 100_000_000, maxFileBytes: 2 ** 40 };

/** Opens what a job has stored, or begins it. @throws CannotRun when the input has changed since */
export async function openSession(
  plan: Plan,
  job: Job,
  state: State,
  options: RunOptions,
  note: (text: string) => void,
): Promise<Session> {
  const disk = new DiskFiles(state.files);
  const input = await linkInput(disk, plan);
  const kv = new SqliteKV(state.database);
  try {
    let position = 0;
    const upstream = new Upstream(inferenceFor(job.url, options), {
      patienceMs: options.patience * 1_000,
      onNotice: note,
      onUnreachable: () => void batches.stop(),
    });
    const batches = new Batches({
      kv,
      files: watched(disk, (at) => {
        position = at;
      }),
      inference: upstream,
      models: job.url === null ? echoModels : anyModel,
      limits,
      dialect: options.dialect,
      endpoints: [job.endpoint],
      maxConcurrentRequestsPerBatch: options.concurrency,
      maxAttempts: options.maxAttempts,
      // The call ends by itself a little earlier, and says better why.
      requestTimeoutMs: options.timeout * 1_000 + 1_000,
      autostart: false,
    });
    const batch = await batches.create({
      input_file_id: input.id,
      endpoint: job.endpoint,
      completion_window: "24h",
      idempotency_key: idempotencyKey,
    });
    return { batches, batch, disk, upstream, input, readUpTo: () => position, close: () => kv.close() };
  } catch (error) {
    kv.close();
    throw error;
  }
}

/** Links the input into the state, in place; a run goes on only over the same bytes. */
async function linkInput(disk: DiskFiles, { name, input }: Plan): Promise<FileObject> {
  const known = await disk.retrieve(inputId);
  if (known === null) return disk.link(input, { id: inputId, purpose: "batch" });
  try {
    await disk.read(inputId, 0, 1);
    return known;
  } catch (error) {
    if (!(error instanceof ResourceNotFoundError)) throw error;
    throw new CannotRun(`${name} has changed since its run began; --fresh forgets that run and begins anew`);
  }
}

function inferenceFor(url: string | null, options: RunOptions): Inference {
  if (url === null) return echoInference(options.latency === undefined ? {} : { latencyMs: options.latency });
  const { key = process.env.OPENAI_API_KEY || undefined, header } = options;
  return connect({
    baseUrl: url,
    timeoutMs: options.timeout * 1_000,
    ...(key !== undefined && { apiKey: key }),
    ...(header !== undefined && { headers: header }),
  });
}

/** The same files, telling how far the input was read. */
function watched(disk: DiskFiles, onRead: (position: number) => void): Files {
  return {
    retrieve: (id) => disk.retrieve(id),
    create: (options) => disk.create(options),
    read: (id, offset, length) => {
      if (id === inputId) onRead(offset);
      return disk.read(id, offset, length);
    },
  };
}
