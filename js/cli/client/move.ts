/** `edgebatch move`, `export` and `import`: a batch that runs, from one server to another. */

import { createReadStream } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { ImportedBatch } from "../../core/types.ts";
import { CannotRun, exit, messageOf, print, say } from "../terminal.ts";
import { Api } from "./api.ts";
import { connectionOf, type ServerOptions } from "./connection.ts";
import { ApiError, Unreachable } from "./faults.ts";
import { asBatch, findBatch, summary } from "./remote.ts";

export interface ExportOptions extends ServerOptions {
  out?: string;
  settled?: string;
  takeBack?: boolean;
  force?: boolean;
}

export interface MoveOptions extends Omit<ServerOptions, "url" | "key"> {
  from?: string;
  fromKey?: string;
  to: string;
  toKey?: string;
  json?: boolean;
}

const EXPORT_TYPE = "application/vnd.edgebatch.batch";
/** What a whole batch may take to come. */
const TRANSFER_MS = 86_400_000;
/** A fence waits 20 seconds itself for calls in flight. */
const EXPORT_MS = 60_000;
const AGAIN_MS = 500;

/** Gives the exit status. */
export async function exportBatch(id: string, options: ExportOptions): Promise<number> {
  const api = apiFor(options);
  const found = await findBatch(api, id);
  const path = `/batches/${encodeURIComponent(found.id)}/export`;
  if (options.settled !== undefined) {
    await settle(api, found.id, options.settled);
    say(`${found.id} is the other server's: it ends here as cancelled, without files`);
    return exit.good;
  }
  if (options.takeBack) {
    if (!options.force)
      throw new CannotRun(
        `if another server has imported ${found.id}, both would run it: --take-back --force says that none has`,
      );
    const batch = asBatch(await post(api, `${path}/abort`, { force: true }));
    say(`${batch.id} goes on: ${summary(batch)}`);
    return exit.good;
  }
  const stream = await opened(api, found.id);
  await pourOut(stream, options.out, options.force === true);
  say(`${found.id} is fenced: nothing of it runs there until another server has it. Then, with the fence`);
  say(`that edgebatch import prints: edgebatch export ${found.id} --settled FENCE${api.connection.again}`);
  return exit.good;
}

/** Gives the exit status. */
export async function importBatch(
  file: string,
  options: ServerOptions & { json?: boolean },
): Promise<number> {
  const api = apiFor(options);
  const from = (source: Readable) => taken(api, Readable.toWeb(source) as ReadableStream<Uint8Array>);
  // Standard input comes once.
  const imported = await (file === "-" ? from(process.stdin) : api.retry(() => from(createReadStream(file))));
  await tell(imported, options.json === true);
  if (!options.json)
    say(`to let its source know: edgebatch export ${imported.batch.id} --settled ${imported.fence} --url …`);
  return exit.good;
}

/** Gives the exit status. What goes wrong on the way is done again: a batch is imported once. */
export async function moveBatch(id: string, options: MoveOptions): Promise<number> {
  const { patience, header } = options;
  const common = { patience, ...(header && { header }) };
  const named = (url?: string, key?: string) => ({ ...(url && { url }), ...(key && { key }) });
  const from = apiFor({ ...common, ...named(options.from, options.fromKey) });
  const to = apiFor({ ...common, ...named(options.to, options.toKey) });
  const found = await findBatch(from, id);
  let imported: ImportedBatch;
  try {
    imported = await to.retry(async () => taken(to, await opened(from, found.id)));
  } catch (error) {
    if (error instanceof ApiError || error instanceof Unreachable) {
      say(`edgebatch: ${found.id} is still ${from.connection.shown}'s, which runs nothing of it meanwhile.`);
      say("The same command goes on with the move. If it is not to go:");
      say(`  edgebatch export ${found.id} --take-back --force${from.connection.again}`);
    }
    throw error;
  }
  await settle(from, found.id, imported.fence);
  await tell(imported, options.json === true);
  return exit.good;
}

async function tell(imported: ImportedBatch, json: boolean): Promise<void> {
  if (json) return print(`${JSON.stringify(imported)}\n`);
  const batch = asBatch(imported.batch);
  await print(`${batch.id}\n`);
  say(`${batch.id} goes on there: ${summary(batch)}`);
}

/** The stream of a batch, once its calls in flight have ended. */
async function opened(api: Api, id: string): Promise<ReadableStream<Uint8Array>> {
  const path = `/batches/${encodeURIComponent(id)}/export`;
  const call = { method: "POST", path, headers: { accept: EXPORT_TYPE }, timeoutMs: EXPORT_MS } as const;
  try {
    const { body } = await opensInTime(() => api.retry(() => api.open(call)));
    return body as ReadableStream<Uint8Array>;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 405)) throw cannot(api);
    throw error;
  }
}

async function taken(api: Api, body: ReadableStream<Uint8Array>): Promise<ImportedBatch> {
  const headers = { "content-type": EXPORT_TYPE };
  const call = { method: "POST", path: "/batches/import", headers, body, timeoutMs: TRANSFER_MS } as const;
  try {
    return (await api.json(call)) as ImportedBatch;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 405)) throw cannot(api);
    throw error;
  }
}

function settle(api: Api, id: string, fence: string): Promise<unknown> {
  return post(api, `/batches/${encodeURIComponent(id)}/export/settle`, { fence });
}

function post(api: Api, path: string, body: object): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  return api.call({ method: "POST", path, headers, body: JSON.stringify(body) });
}

/** What `edgebatch export` has written. */
export function fromFile(file: string): Readable {
  return file === "-" ? process.stdin : createReadStream(file);
}

/** Where an export goes. @throws CannotRun */
export async function pourOut(
  stream: AsyncIterable<Uint8Array>,
  out: string | undefined,
  force: boolean,
): Promise<void> {
  if (out !== undefined && out !== "-") return written(out, stream, force);
  if (process.stdout.isTTY) throw new CannotRun("an export is no text: --out FILE, or > FILE");
  for await (const piece of stream) await print(piece);
}

/** Calls in flight are waited for. */
export async function opensInTime<T>(open: () => Promise<T>): Promise<T> {
  for (let told = false; ; told = true) {
    try {
      return await open();
    } catch (error) {
      const { code, codes = [code] } = error as { code?: string; codes?: (string | undefined)[] };
      if (!codes.includes("batch_in_flight")) throw error;
      if (!told) say("edgebatch: its calls in flight are waited for");
      await sleep(AGAIN_MS);
    }
  }
}

/** What is cut off leaves no file. */
async function written(path: string, stream: AsyncIterable<Uint8Array>, force: boolean): Promise<void> {
  const handle = await open(path, force ? "w" : "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new CannotRun(
      error.code === "EEXIST"
        ? `${path} exists; --force replaces it, or name another file`
        : `${path}: ${messageOf(error)}`,
    );
  });
  try {
    for await (const piece of stream) await handle.writeFile(piece);
    await handle.sync();
  } catch (error) {
    await unlink(path);
    throw error;
  } finally {
    await handle.close();
  }
}

function cannot(api: Api): CannotRun {
  return new CannotRun(`${api.connection.shown} cannot move batches: edgebatch serve and its Worker can`);
}

function apiFor(options: ServerOptions): Api {
  return new Api(connectionOf(options), options.patience * 1_000, (text) => say(`edgebatch: ${text}`));
}
