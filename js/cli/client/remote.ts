/** Objects of a server, which may be anybody's: less is taken for granted of them than of ours. */

import { isTerminal } from "../../core/rules.ts";
import type { Batch, BatchStatus, FileObject } from "../../core/types.ts";
import { CannotRun, count, duration, messageOf, oneLine, plural, printErrors, say } from "../terminal.ts";
import type { Api } from "./api.ts";
import { ApiError } from "./faults.ts";

/** A batch as servers give it: what not all of them say may be missing. */
export type RemoteBatch = Pick<Batch, "id"> & { status: string } & {
  [Name in keyof Omit<Batch, "id" | "status">]?: Batch[Name] | null;
};

/** @throws CannotRun for what is no batch */
export function asBatch(value: unknown): RemoteBatch {
  const batch = value as Partial<RemoteBatch> | null;
  if (typeof batch?.id === "string" && typeof batch.status === "string") return batch as RemoteBatch;
  throw new CannotRun("the server's answer is no batch: does it speak OpenAI's API?");
}

/** Whether a batch will not change any more. */
export function hasEnded({ status }: RemoteBatch): boolean {
  return isTerminal[status as BatchStatus] ?? false;
}

/** Batches, newest first, page by page. */
export async function* pages(api: Api, size: number, signal?: AbortSignal): AsyncGenerator<RemoteBatch[]> {
  for (let after: string | undefined; ; ) {
    const query = { limit: size, after };
    const page = (await api.call({ path: "/batches", query, signal })) as {
      data?: unknown;
      has_more?: unknown;
    };
    if (!Array.isArray(page?.data)) throw new CannotRun("the server's answer is no list of batches");
    const batches = page.data.map(asBatch);
    yield batches;
    const last = batches.at(-1)?.id;
    if (page.has_more !== true || last === undefined || last === after) return;
    after = last;
  }
}

/** In how many of the newest batches the beginning of an id is looked for. */
const searched = 1_000;

/** A batch by its id, or by a beginning of it that no other has. @throws CannotRun */
export async function findBatch(api: Api, id: string): Promise<RemoteBatch> {
  if (id.trim() === "")
    throw new CannotRun("a batch has an id, such as batch_abc123: edgebatch list shows them");
  try {
    return asBatch(await api.call({ path: `/batches/${encodeURIComponent(id)}` }));
  } catch (error) {
    // What is no id at all is a 400 at some.
    if (!(error instanceof ApiError) || ![400, 404].includes(error.status) || !error.isApi) throw error;
    const found = await byBeginning(api, id);
    if (found.length === 0)
      throw new CannotRun(
        `${api.connection.shown} has no batch ${oneLine(id)}: edgebatch list shows those it has`,
      );
    if (found.length === 1) return found[0] as RemoteBatch;
    const some = found.slice(0, 5).map((batch) => oneLine(batch.id));
    throw new CannotRun(
      `${oneLine(id)} is the beginning of several batches: ${some.join(", ")}${found.length > 5 ? ", …" : ""}`,
    );
  }
}

async function byBeginning(api: Api, id: string): Promise<RemoteBatch[]> {
  const found: RemoteBatch[] = [];
  let looked = 0;
  for await (const page of pages(api, 100)) {
    found.push(...page.filter((batch) => batch.id.startsWith(id) || batch.id.startsWith(`batch_${id}`)));
    looked += page.length;
    if (looked >= searched) break;
  }
  return found;
}

/** A file's name and size, where the server says; null where it does not. */
export async function fileOf(api: Api, id: string | null | undefined): Promise<Partial<FileObject> | null> {
  if (!id) return null;
  return await api.json({ path: `/files/${encodeURIComponent(id)}` }).then(
    (value) => (typeof value === "object" ? (value as Partial<FileObject> | null) : null),
    () => null,
  );
}

/** What the user called a batch's input, or else its id. */
export function inputName(batch: RemoteBatch, file: Partial<FileObject> | null): string {
  return typeof file?.filename === "string" ? oneLine(file.filename) : (batch.input_file_id ?? "input");
}

/** Errors of a batch's input, to standard error. */
export async function printInputErrors(api: Api, batch: RemoteBatch): Promise<void> {
  const errors = batch.errors?.data ?? [];
  if (errors.length > 0)
    await printErrors(inputName(batch, await fileOf(api, batch.input_file_id)), errors, say);
}

/** Requests of a batch; zeros where the server does not say. */
export function countsOf({ request_counts: counts }: RemoteBatch) {
  const { total = 0, completed = 0, failed = 0 } = counts ?? {};
  return { total, completed, failed, done: completed + failed };
}

/** The time of its end, if it has ended. */
export function endOf(batch: RemoteBatch): number | null {
  return batch.completed_at ?? batch.failed_at ?? batch.expired_at ?? batch.cancelled_at ?? null;
}

/** A line such as `completed: 50,000 requests: 49,763 completed, 237 failed, in 12 min 4 s`. */
export function summary(batch: RemoteBatch): string {
  const { total, completed, failed } = countsOf(batch);
  const end = endOf(batch);
  const status = oneLine(batch.status);
  const counts = `${plural(total, "request")}: ${count(completed)} completed, ${count(failed)} failed`;
  const time = end && batch.created_at ? `, in ${duration(end - batch.created_at)}` : "";
  const { input_tokens: input = 0, output_tokens: output = 0 } = batch.usage ?? {};
  const tokens = input + output > 0 ? `, ${count(input)} tokens in, ${count(output)} out` : "";
  return total === 0 ? status + time : `${status}: ${counts}${time}${tokens}`;
}

/** That the budget was used up, where it was. */
export function leftOut(batch: Pick<RemoteBatch, "edgebatch" | "request_counts">): string[] {
  if (batch.edgebatch?.ended_by !== "budget") return [];
  const { total = 0, completed = 0, failed = 0 } = batch.request_counts ?? {};
  const left = plural(total - completed - failed, "request");
  return [`the budget is used up: ${left} did not run (budget_exceeded in the error file)`];
}

/** Whether a server does not know `edgebatch` of create; one that does says what is wrong within it. */
export function isUnknownToServer(error: unknown): boolean {
  const isRefused = error instanceof ApiError && [400, 422].includes(error.status);
  return isRefused && /['"]edgebatch['"]/.test(error.message);
}

/** Cancels a batch that a server made without what it was to have. Says how that went, as the end of a sentence. */
export async function cancelAtOnce(api: Api, { id }: RemoteBatch): Promise<string> {
  const cancel = { method: "POST", path: `/batches/${encodeURIComponent(id)}/cancel` } as const;
  return await api.call(cancel).then(
    () => "was cancelled at once",
    (error) => `could not be cancelled (${messageOf(error)}): edgebatch cancel ${id}${api.connection.again}`,
  );
}

/** How far a time is away, in whole seconds at least: the server's clock is another. */
export function away(seconds: number): string {
  return seconds < 60 ? `${Math.max(0, Math.floor(seconds))} s` : duration(seconds);
}
