/** `edgebatch submit`: a file as a batch of a server. */

import { createHash, randomUUID } from "node:crypto";
import type { BatchBudget, BatchOrder } from "../../core/types.ts";
import { endpointOf, openInput } from "../input.ts";
import { left, modeFor, Progress } from "../progress.ts";
import { bytes, CannotRun, exit, print, printErrors, say } from "../terminal.ts";
import { check, summary } from "../validate.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { type Content, checkReadable, filenameOf } from "./content.ts";
import { ApiError, isPassing, Unreachable } from "./faults.ts";
import { follow, statusOf, tellEnd } from "./follow.ts";
import { asBatch, cancelAtOnce, isUnknownToServer, type RemoteBatch } from "./remote.ts";
import { upload } from "./upload.ts";

export interface SubmitOptions extends ServerOptions {
  endpoint?: string;
  /** As the server takes it. */
  window: string;
  metadata?: Record<string, string>;
  budget?: BatchBudget;
  priority?: number;
  dedupe?: boolean;
  split?: boolean;
  order?: BatchOrder;
  wait?: boolean;
  check: boolean;
  json?: boolean;
  quiet?: boolean;
}

/** Checks, uploads and creates. Gives the exit status. */
export async function submit(path: string, options: SubmitOptions): Promise<number> {
  const connection = connectionOf(options);
  await checkReadable(path);
  const known = await know(path, options);
  if (known === null) return exit.bad;
  const { content, endpoint } = known;
  const progress = new Progress(modeFor({ quiet: options.quiet === true, lines: true }));
  const api = new Api(connection, options.patience * 1_000, (text) => progress.note(`edgebatch: ${text}`));
  try {
    await checkServer(api);
    const inputId = await upload(api, content, (sent) => showSent(progress, content, sent));
    progress.stop();
    if (!options.quiet)
      say(`edgebatch: uploaded ${content.filename} (${bytes(content.bytes)}) as ${inputId}`);
    const { window, metadata, budget, priority, dedupe, split, order } = options;
    const own = {
      ...(budget && { budget }),
      ...(priority && { priority }),
      ...(dedupe && { dedupe }),
      ...(split && { split }),
      ...(order && { order }),
    };
    const params = {
      input_file_id: inputId,
      endpoint,
      completion_window: window,
      ...(metadata && { metadata }),
      ...(Object.keys(own).length > 0 && { edgebatch: own }),
    };
    const batch = await create(api, params, content).catch(async (error: unknown) => {
      if (!(error instanceof ApiError) || error.passing) throw error;
      // A batch that is refused leaves nothing: the file was sent for it alone.
      await remove(api, inputId);
      if (isUnknownToServer(error)) {
        throw new CannotRun(
          `${connection.shown} knows no --budget, --priority, --dedupe, --split or --order: edgebatch serve and its Worker do`,
        );
      }
      throw error;
    });
    if (split && !batch.edgebatch?.split && !options.quiet)
      say(`edgebatch: ${connection.shown} takes no notice of --split: it has one limit for all files`);
    if (dedupe && !batch.edgebatch?.dedupe)
      say(`edgebatch: ${connection.shown} takes no notice of --dedupe: it asks for every line`);
    if (order === "prefix" && !batch.edgebatch?.order && !options.quiet) {
      say(`edgebatch: ${connection.shown} has no orders: it sends requests as it likes`);
    }
    if (priority && !batch.edgebatch?.priority && !options.quiet) {
      say(`edgebatch: ${connection.shown} has no priorities: the batch runs as any other`);
    }
    if (budget && !batch.edgebatch?.budget) {
      // It took no notice, and would run all of it.
      throw new CannotRun(
        `${connection.shown} has no budgets: edgebatch serve and its Worker have. It made ${batch.id} without one, which ${await cancelAtOnce(api, batch)}`,
      );
    }
    // Whoever takes the id may have it at once.
    if (!options.json) await print(`${batch.id}\n`);
    else if (!options.wait) await print(`${JSON.stringify(batch)}\n`);
    if (!options.wait) {
      if (!options.quiet) sayNext(batch, api);
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

/** Reads the file once; null where it has errors, which were said. */
async function know(
  path: string,
  options: SubmitOptions,
): Promise<{ content: Content; endpoint: string } | null> {
  const hash = createHash("sha256");
  let size = 0;
  const take = (chunk: Uint8Array) => {
    hash.update(chunk);
    size += chunk.length;
  };
  const given = options.endpoint === undefined ? {} : { endpoint: options.endpoint };
  let endpoint = options.endpoint;
  if (options.check) {
    // How many requests a split file may have is the server's to say.
    const limits = options.split ? { maxRequests: Number.MAX_SAFE_INTEGER } : {};
    const checked = await check(path, { ...given, ...limits }, take);
    if (checked.errorCount > 0) {
      // Standard output is for the id.
      await printErrors(checked.name, checked.errors, say);
      say(`${summary(checked)}; nothing was sent (--no-check sends it nevertheless)`);
      return null;
    }
    if (!options.quiet) say(`edgebatch: ${summary(checked)}`);
    endpoint = checked.endpoint;
  } else {
    const first = await endpointOf((await openInput(path)).chunks);
    endpoint ??= first.endpoint;
    for await (const chunk of first.chunks) take(chunk);
  }
  const content = { name: path, filename: filenameOf(path), bytes: size, sha256: hash.digest("hex") };
  return { content, endpoint: endpoint as string };
}

/** That there are batches and that the key is right is known before a large file is sent. */
async function checkServer(api: Api): Promise<void> {
  try {
    await api.call({ path: "/batches", query: { limit: 1 } });
  } catch (error) {
    if (!(error instanceof ApiError) || ![404, 405, 501].includes(error.status)) throw error;
    const { shown } = api.connection;
    throw new CannotRun(
      `${shown} has no batches (${error.status}): edgebatch run takes the file to a model server by itself, and edgebatch serve --url ${shown} gives it batches`,
    );
  }
}

/** Deletes a file, if the server does so now. */
async function remove(api: Api, id: string): Promise<void> {
  await api.json({ method: "DELETE", path: `/files/${encodeURIComponent(id)}` }).catch(() => undefined);
}

/**
 * Creates the batch, once. Where an answer is lost, the batch may be there all the same: a server of ours, or one that
 * honours `idempotency-key`, gives it again for the same key. OpenAI's may not; so the list is looked at before it is
 * asked again. The file has just been uploaded, and no batch but ours can be over it.
 */
async function create(
  api: Api,
  params: { input_file_id: string },
  { sha256 }: Content,
): Promise<RemoteBatch> {
  // The nonce makes it this submission's: the same file may be meant to run twice.
  const key = createHash("sha256").update(`${sha256} ${randomUUID()}`).digest("hex");
  const headers = { "content-type": "application/json", "idempotency-key": key };
  let lost = false;
  try {
    return await api.retry(async () => {
      const made = lost ? await madeOver(api, params.input_file_id) : undefined;
      if (made !== undefined) return made;
      lost = true;
      return asBatch(
        await api.json({ method: "POST", path: "/batches", headers, body: JSON.stringify(params) }),
      );
    });
  } catch (error) {
    if (!isPassing(error)) throw error;
    throw new Unreachable(
      `${error.message}. Whether the batch was made is not known: look for one over ${params.input_file_id} (edgebatch list --json${api.connection.again}) before the file is submitted again`,
      false,
    );
  }
}

async function madeOver(api: Api, inputId: string): Promise<RemoteBatch | undefined> {
  const page = (await api.json({ path: "/batches", query: { limit: 100 } })) as { data?: unknown };
  return Array.isArray(page?.data)
    ? page.data.map(asBatch).find((batch) => batch.input_file_id === inputId)
    : undefined;
}

function sayNext({ id, status }: RemoteBatch, api: Api): void {
  const { shown, again } = api.connection;
  say(`edgebatch: ${id} is ${status} at ${shown}. To watch it, and for its files:`);
  say(`  edgebatch watch ${id}${again}`);
  say(`  edgebatch results ${id} --wait${again}`);
}

function showSent(progress: Progress, { bytes: size }: Content, sent: number): void {
  progress.update({
    phase: "uploading",
    done: sent,
    total: size,
    text: (rate) => [`${bytes(sent)} of ${bytes(size)}`, ...left(size - sent, rate), `${bytes(rate)}/s`],
  });
}
