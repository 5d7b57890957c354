/** `edgebatch retry ID`: a batch that goes on where another ended, on a server of ours. */

import { createHash, randomUUID } from "node:crypto";
import type { BatchBudget, BatchRerun } from "../../core/types.ts";
import { modeFor, Progress } from "../progress.ts";
import { CannotRun, count, exit, print, say } from "../terminal.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { follow, statusOf, tellEnd } from "./follow.ts";
import {
  asBatch,
  cancelAtOnce,
  countsOf,
  findBatch,
  hasEnded,
  isUnknownToServer,
  type RemoteBatch,
} from "./remote.ts";

export interface RetryBatchOptions extends ServerOptions {
  only?: BatchRerun[];
  /** Whether the new batch's files hold the old results too. */
  merge?: boolean;
  budget?: BatchBudget;
  wait?: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** Gives the exit status. */
export async function retryBatch(id: string, options: RetryBatchOptions): Promise<number> {
  const progress = new Progress(modeFor({ quiet: options.quiet === true, lines: true }));
  const api = new Api(connectionOf(options), options.patience * 1_000, (text) =>
    progress.note(`edgebatch: ${text}`),
  );
  try {
    const old = await findBatch(api, id);
    if (!hasEnded(old)) {
      throw new CannotRun(
        `${old.id} has not ended: it is ${old.status}. edgebatch watch ${old.id}${api.connection.again}`,
      );
    }
    const { total, completed } = countsOf(old);
    if (total > 0 && completed === total) {
      if (!options.quiet)
        say(`all ${count(total)} requests of ${old.id} were answered: none is to run again`);
      return exit.good;
    }
    const batch = await create(api, old, options);
    if (!options.json) await print(`${batch.id}\n`);
    else if (!options.wait) await print(`${JSON.stringify(batch)}\n`);
    if (!options.wait) {
      if (!options.quiet) {
        say(`edgebatch: ${batch.id} goes on where ${old.id} ended. To watch it, and for its files:`);
        say(`  edgebatch watch ${batch.id}${api.connection.again}`);
        say(`  edgebatch results ${batch.id} --wait${api.connection.again}`);
      }
      return exit.good;
    }
    const end = await follow(api, batch, progress);
    if (typeof end === "number") return end;
    await tellEnd(end, api, options);
    return statusOf(end);
  } finally {
    progress.stop();
  }
}

/** Creates the batch, once: servers that can continue one know idempotency keys. */
async function create(
  api: Api,
  old: RemoteBatch,
  { only, merge, budget }: RetryBatchOptions,
): Promise<RemoteBatch> {
  const { id, input_file_id, endpoint, completion_window, metadata } = old;
  const params = {
    ...{ input_file_id, endpoint, completion_window },
    ...(metadata && { metadata }),
    edgebatch: {
      continue_from: id,
      ...(only && { only }),
      ...(merge && { merge }),
      ...(budget && { budget }),
    },
  };
  const key = createHash("sha256").update(`retry ${id} ${randomUUID()}`).digest("hex");
  const headers = { "content-type": "application/json", "idempotency-key": key };
  const call = { method: "POST", path: "/batches", headers, body: JSON.stringify(params) } as const;
  let batch: RemoteBatch;
  try {
    batch = asBatch(await api.call(call));
  } catch (error) {
    if (!isUnknownToServer(error)) throw error;
    throw new CannotRun(cannotContinue(api, id));
  }
  if (batch.edgebatch?.continue_from === id) return batch;
  // It took no notice, and would run everything again.
  const how = await cancelAtOnce(api, batch);
  throw new CannotRun(
    `${cannotContinue(api, id)}. It made a batch of the whole file instead, ${batch.id}, which ${how}`,
  );
}

function cannotContinue({ connection: { shown, again } }: Api, id: string): string {
  return `${shown} cannot continue a batch: take its files (edgebatch results ${id}${again}), and give them to edgebatch retry INPUT --output FILE --errors FILE`;
}
