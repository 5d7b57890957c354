/** Calls to the server. */
import { fixedLimits } from "../../core/rules.ts";
import type { Batch, BatchList, FileObject } from "../../core/types.ts";
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
  return new CallError(`The server answered with status ${status}, and not in the form of this API.`, status);
}

export function noAnswer(base: string): CallError {
  return new CallError(
    `No answer from ${base}. Look whether the address is right, the server runs, and lets pages from ${location.origin} call it (CORS). This page may call https addresses and this machine.`,
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

async function json<T>(to: Connection, path: string, body?: object, signal?: AbortSignal): Promise<T> {
  const init = body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await send(to, path, { ...init, ...(signal && { signal }) });
  try {
    return (await answer.json()) as T;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallError("The server's answer is not JSON: is this the address of a batch server?");
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
    const page = await json<BatchList>(to, `/batches?${query}`, undefined, signal);
    if (!Array.isArray(page?.data))
      throw new CallError(
        "The server's answer is no list of batches: is this the address of a batch server?",
      );
    batches.push(...page.data);
    if (!page.has_more || page.data.length === 0 || batches.length >= wanted)
      return { batches, more: page.has_more };
  }
}

const batchPath = (id: string) => `/batches/${encodeURIComponent(id)}`;

export function retrieveBatch(to: Connection, id: string, signal?: AbortSignal): Promise<Batch> {
  return json(to, batchPath(id), undefined, signal);
}

export function cancelBatch(to: Connection, id: string): Promise<Batch> {
  return json(to, `${batchPath(id)}/cancel`, {});
}

export function createBatch(to: Connection, fileId: string, endpoint: string, key: string): Promise<Batch> {
  const params = { input_file_id: fileId, endpoint, completion_window: fixedLimits.completionWindow };
  return send(to, "/batches", {
    method: "POST",
    // Asked for twice, by a click or a lost answer, it is one batch.
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(params),
  }).then((answer) => answer.json() as Promise<Batch>);
}

/** A batch that runs what another did not answer, and whose files hold the results of both. */
export async function continueBatch(to: Connection, batch: Batch, key: string): Promise<Batch> {
  const { id, input_file_id, endpoint, completion_window, metadata } = batch;
  const params = {
    ...{ input_file_id, endpoint, completion_window, ...(metadata && { metadata }) },
    edgebatch: { continue_from: id, merge: true },
  };
  const answer = await send(to, "/batches", {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(params),
  });
  return (await answer.json()) as Batch;
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
