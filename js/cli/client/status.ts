/** `edgebatch status`, `cancel`, `pause` and `resume`: one batch, as it is now. */

import {
  bytes,
  CannotRun,
  clock,
  count,
  duration,
  exit,
  formatError,
  oneLine,
  print,
  say,
} from "../terminal.ts";
import { waitOf } from "../waiting.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { ApiError } from "./faults.ts";
import {
  asBatch,
  away,
  countsOf,
  endOf,
  fileOf,
  findBatch,
  hasEnded,
  inputName,
  type RemoteBatch,
  summary,
} from "./remote.ts";

export interface StatusOptions extends ServerOptions {
  json?: boolean;
}

/** Prints everything that a batch says. Gives the exit status. */
export async function status(id: string, options: StatusOptions): Promise<number> {
  const api = apiFor(options);
  const batch = await findBatch(api, id);
  if (options.json) {
    await print(`${JSON.stringify(batch)}\n`);
    return exit.good;
  }
  const file = await fileOf(api, batch.input_file_id);
  const name = inputName(batch, file);
  const size = typeof file?.bytes === "number" ? `, ${bytes(file.bytes)}` : "";
  const lines = [batch.id, ...rows(batch, `${name} (${batch.input_file_id}${size})`)];
  const errors = batch.errors?.data ?? [];
  if (errors.length > 0) lines.push("", ...errors.map((error) => formatError(name, error)));
  if (batch.output_file_id || batch.error_file_id) {
    lines.push("", `edgebatch results ${batch.id}${api.connection.again}`);
  }
  await print(lines.map((line) => `${line}\n`).join(""));
  return exit.good;
}

/** Asks a server to end a batch. Gives the exit status. */
export async function cancel(id: string, options: StatusOptions): Promise<number> {
  const api = apiFor(options);
  const found = await findBatch(api, id);
  let batch: RemoteBatch;
  try {
    batch = asBatch(
      await api.call({ method: "POST", path: `/batches/${encodeURIComponent(found.id)}/cancel` }),
    );
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 409].includes(error.status)) throw error;
    // It may have ended meanwhile.
    const now = await findBatch(api, found.id);
    if (!hasEnded(now)) throw error;
    say(`edgebatch: ${now.id} has already ended, ${summary(now)}`);
    return exit.bad;
  }
  if (options.json) await print(`${JSON.stringify(batch)}\n`);
  else say(`${batch.id}: ${summary(batch)}`);
  if (!hasEnded(batch) && !options.json) {
    say(
      `calls in flight are aborted; what has a result keeps it: edgebatch results ${batch.id} --wait${api.connection.again}`,
    );
  }
  return exit.good;
}

/** Has a server start nothing more of a batch, or go on with it. Gives the exit status. */
export async function pause(id: string, options: StatusOptions, asked: "pause" | "resume"): Promise<number> {
  const api = apiFor(options);
  const found = await findBatch(api, id);
  let batch: RemoteBatch;
  try {
    const path = `/batches/${encodeURIComponent(found.id)}/${asked}`;
    batch = asBatch(await api.call({ method: "POST", path }));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Of a batch that is there, it is the path that is unknown.
    if (error.status === 404 || error.status === 405)
      throw new CannotRun(
        `${api.connection.shown} cannot ${asked} batches: edgebatch serve and its Worker can`,
      );
    if (error.status !== 409) throw error;
    const now = await findBatch(api, found.id);
    say(`edgebatch: ${now.id} is ${now.status}: there is nothing to ${asked}`);
    return exit.bad;
  }
  if (options.json) await print(`${JSON.stringify(batch)}\n`);
  else if (asked === "resume") say(`${batch.id} goes on`);
  else {
    say(`${batch.id} is paused: calls in flight end, nothing new starts, and its window goes on closing`);
    say(`to go on: edgebatch resume ${batch.id}${api.connection.again}`);
  }
  return exit.good;
}

function apiFor(options: ServerOptions): Api {
  return new Api(connectionOf(options), options.patience * 1_000, (text) => say(`edgebatch: ${text}`));
}

function rows(batch: RemoteBatch, file: string): string[] {
  const { total, done, failed } = countsOf(batch);
  const share = total === 0 ? "" : ` (${Math.floor((done / total) * 100)} %)`;
  const { input_tokens: input = 0, output_tokens: output = 0 } = batch.usage ?? {};
  const deduped = batch.edgebatch?.deduped?.requests ?? 0;
  const end = endOf(batch);
  const cells: [name: string, text: string | null | undefined][] = [
    ["status", batch.status],
    ["paused", moment(batch.edgebatch?.paused_at)],
    ["waiting", waitOf(batch.edgebatch?.waiting)?.text.replace(/^waiting /, "")],
    [
      "requests",
      total === 0 ? null : `${count(done)} of ${count(total)} done${share}, ${count(failed)} failed`,
    ],
    ["deduped", deduped === 0 ? null : `${count(deduped)} answered as the request that they repeat`],
    ["parts", batch.edgebatch?.parts === undefined ? null : count(batch.edgebatch.parts)],
    ["endpoint", batch.endpoint],
    ["model", batch.model],
    ["input", file],
    ["output", batch.output_file_id],
    ["errors", batch.error_file_id],
    ["created", moment(batch.created_at)],
    ["started", moment(batch.in_progress_at)],
    ["cancelled", batch.cancelling_at && !batch.cancelled_at ? moment(batch.cancelling_at) : null],
    ["ended", end === null ? null : ended(batch, end)],
    ["expires", end === null ? moment(batch.expires_at) : null],
    ["budget", budgetOf(batch)],
    ["order", batch.edgebatch?.order],
    ["priority", batch.edgebatch?.priority?.toString()],
    ["tokens", input + output === 0 ? null : `${count(input)} in, ${count(output)} out`],
    ...Object.entries(batch.metadata ?? {}).map(([key, value]): [string, string] => [
      "metadata",
      `${key}=${value}`,
    ]),
  ];
  return cells.flatMap(([name, text]) => (text ? [`  ${name.padEnd(10)}${oneLine(text)}`] : []));
}

/** `12,000 of 100,000 total_tokens, 1.25 of 2.5 cost` */
function budgetOf({ edgebatch }: RemoteBatch): string | null {
  if (!edgebatch?.budget) return null;
  const { used, ...caps } = edgebatch.budget;
  const parts = Object.entries(caps).map(([name, most]) => {
    const gone = used[name as keyof typeof used] ?? 0;
    return `${count(gone)} of ${count(most)} ${name}`;
  });
  return parts.join(", ");
}

function ended({ created_at: created }: RemoteBatch, end: number): string {
  return `${moment(end)}${created ? `, after ${duration(end - created)}` : ""}`;
}

/** `14:05:30 (3 min 20 s ago)`, with the date unless it is today's. */
function moment(seconds: number | null | undefined): string | null {
  if (!seconds) return null;
  const until = seconds - Date.now() / 1_000;
  return `${clock(seconds * 1_000)} (${until > 0 ? `in ${away(until)}` : `${away(-until)} ago`})`;
}
