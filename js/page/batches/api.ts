/** Calls to the server. */
import { fixedLimits } from "../../core/rules.ts";
import type { Batch, FileObject } from "../../core/types.ts";
import { batchOf } from "./batch.ts";
import type { Connection } from "./connection.ts";

/** A call that failed, in words for whoever made it. */
export class CallError extends Error {
  /** HTTP status; 0 if there was no answer. */
  readonly status: number;
  constructor(message: string, status = 0) {
    super(message);
    this.status = status;
  }
}

export function headers({ key }: Connection): Record<string, string> {
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

/** What an answer that is no success says. */
export function refusal(status: number, body: string): CallError {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    if (typeof error?.message === "string") return new CallError(error.message, status);
  } catch {
    // Not in the API's form: a proxy, or another kind of server.
  }
  return new CallError(`The server answered with status ${status}, and not as a batch server does.`, status);
}

export function noAnswer(base: string): CallError {
  return new CallError(
    `No answer from ${base}. Check the address, and that the server is running and allows calls from ${location.origin} (CORS).`,
  );
}

/** Sends a call and gives its answer, whatever kind of body that has. */
export async function send(to: Connection, path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(to.base + path, {
      ...init,
      headers: { ...headers(to), ...init.headers },
      credentials: "omit",
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw noAnswer(to.base);
  }
  if (!answer.ok) throw refusal(answer.status, await answer.text().catch(() => ""));
  return answer;
}

const IS_IT_ONE = "Is this the address of a batch server?";

export async function json<T>(
  to: Connection,
  path: string,
  body?: object,
  signal?: AbortSignal,
  more: Record<string, string> = {},
): Promise<T> {
  const init = body && {
    method: "POST",
    headers: { "content-type": "application/json", ...more },
    body: JSON.stringify(body),
  };
  const answer = await send(to, path, { ...init, ...(signal && { signal }) });
  try {
    return (await answer.json()) as T;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallError(`The answer is not JSON. ${IS_IT_ONE}`);
  }
}

const MOST_A_PAGE = 100;

/** The newest batches, up to `wanted`. */
export async function listBatches(
  to: Connection,
  wanted: number,
  signal?: AbortSignal,
): Promise<{ batches: Batch[]; more: boolean }> {
  const batches: Batch[] = [];
  for (;;) {
    const limit = Math.min(MOST_A_PAGE, wanted - batches.length);
    const after = batches.at(-1)?.id;
    const query = new URLSearchParams({ limit: String(limit), ...(after && { after }) });
    const page = await json<{ data?: unknown; has_more?: unknown } | null>(
      ...[to, `/batches?${query}`, undefined, signal],
    );
    if (!Array.isArray(page?.data)) throw new CallError(`The answer is not a list of batches. ${IS_IT_ONE}`);
    const found = page.data.map(batchOf).filter((batch) => batch !== null);
    batches.push(...found);
    const more = page.has_more === true && found.length > 0;
    if (!more || batches.length >= wanted) return { batches, more };
  }
}

const batchPath = (id: string) => `/batches/${encodeURIComponent(id)}`;

async function batchFrom(...call: Parameters<typeof json>): Promise<Batch> {
  const batch = batchOf(await json(...call));
  if (batch) return batch;
  throw new CallError(`The answer is not a batch. ${IS_IT_ONE}`);
}

export function retrieveBatch(to: Connection, id: string, signal?: AbortSignal): Promise<Batch> {
  return batchFrom(to, batchPath(id), undefined, signal);
}

/** Has a batch stop for good, stop for now, or go on. */
export function steerBatch(to: Connection, id: string, how: "cancel" | "pause" | "resume"): Promise<Batch> {
  return batchFrom(to, `${batchPath(id)}/${how}`, {});
}

/** Asked for twice by one key, by a click or a lost answer, it is one batch. */
function newBatch(to: Connection, params: object, key: string): Promise<Batch> {
  const body = { completion_window: fixedLimits.completionWindow, ...params };
  return batchFrom(to, "/batches", body, undefined, { "idempotency-key": key });
}

/** `tokens` is what it may use, 0 for any number. */
export function createBatch(
  to: Connection,
  { fileId, endpoint, key, tokens }: { fileId: string; endpoint: string; key: string; tokens: number },
): Promise<Batch> {
  const edgebatch = { budget: { total_tokens: tokens } };
  return newBatch(to, { input_file_id: fileId, endpoint, ...(tokens > 0 && { edgebatch }) }, key);
}

/** A batch that runs what another did not answer, and whose files hold the results of both. */
export function continueBatch(to: Connection, batch: Batch, key: string): Promise<Batch> {
  const { id, input_file_id, endpoint, completion_window, metadata } = batch;
  const edgebatch = { continue_from: id, merge: true };
  return newBatch(to, { input_file_id, endpoint, completion_window, metadata, edgebatch }, key);
}

/** The name of a file; null if the server gives none. */
export async function fileName(to: Connection, id: string, signal: AbortSignal): Promise<string | null> {
  const { filename } = await json<Partial<FileObject>>(
    to,
    `/files/${encodeURIComponent(id)}`,
    undefined,
    signal,
  );
  return typeof filename === "string" && filename !== "" ? filename : null;
}

export function createUpload(to: Connection, name: string, size: number): Promise<{ id: string }> {
  const params = { filename: name, purpose: "batch", bytes: size, mime_type: "application/jsonl" };
  return json(to, "/uploads", params);
}

export function completeUpload(to: Connection, id: string, parts: string[]): Promise<{ file: FileObject }> {
  return json(to, `/uploads/${encodeURIComponent(id)}/complete`, { part_ids: parts });
}

export async function cancelUpload(to: Connection, id: string): Promise<void> {
  await json(to, `/uploads/${encodeURIComponent(id)}/cancel`, {});
}
