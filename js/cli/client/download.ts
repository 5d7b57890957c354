/** Downloads a file's content: a connection that breaks is taken up where it broke, in this process or the next. */

import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { discard, inTheWay, place } from "../place.ts";
import { CannotRun } from "../terminal.ts";
import { type Api, within } from "./api.ts";
import { ApiError, isPassing, Unreachable, unreachable } from "./faults.ts";
import { fileOf } from "./remote.ts";

/** So long may pass between two pieces. */
const stalledMs = 60_000;

/** Called with the bytes that are there, and how many there are in all if that is known. */
export type OnBytes = (done: number, total: number | null) => void;

/** Downloads to a path: whole or not at all. It resumes where an earlier attempt broke off. */
export async function downloadTo(
  api: Api,
  id: string,
  to: string,
  force: boolean,
  onBytes: OnBytes,
): Promise<void> {
  // The bytes of an id never change, so a part of them is told by the id. Ids come from the server: no paths out of them.
  const part = join(dirname(to), `.${basename(to)}.${id.replace(/[^\w-]/g, "_").slice(0, 80)}.part`);
  const total = await sizeOf(api, id);
  const other = force || total === null ? null : await stat(to).catch(() => null);
  if (other !== null && other.size !== total) throw inTheWay(to);
  const handle = await open(part, "a");
  try {
    const there = (await stat(part)).size;
    const at = total !== null && there > total ? 0 : there;
    if (at < there) await handle.truncate(0);
    const write = (bytes: Uint8Array) => handle.writeFile(bytes);
    const end = await goOnLater(download(api, id, at, total, write, onBytes, () => restart(handle)));
    await handle.sync();
    if ((await handle.stat()).size !== end) {
      await discard(part);
      throw new CannotRun(`another process downloads ${to}, too; try again when it has ended`);
    }
  } finally {
    await handle.close();
  }
  await place(part, to, force);
  await discard(part);
}

async function goOnLater<T>(work: Promise<T>): Promise<T> {
  return await work.catch((error: unknown) => {
    if (!isPassing(error)) throw error;
    throw new Unreachable(
      `${error.message}. Nothing is lost: the same command goes on where it broke`,
      false,
    );
  });
}

async function restart(handle: FileHandle): Promise<void> {
  await handle.truncate(0);
}

/** Downloads into something that is written from front to back. */
export async function downloadInto(
  api: Api,
  id: string,
  write: (bytes: Uint8Array) => Promise<void>,
  onBytes: OnBytes,
): Promise<void> {
  await download(api, id, 0, await sizeOf(api, id), write, onBytes, null);
}

async function sizeOf(api: Api, id: string): Promise<number | null> {
  const size = (await fileOf(api, id))?.bytes;
  return typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : null;
}

async function download(
  api: Api,
  id: string,
  from: number,
  total: number | null,
  write: (bytes: Uint8Array) => Promise<void>,
  onBytes: OnBytes,
  again: (() => Promise<void>) | null,
): Promise<number> {
  let at = from;
  onBytes(at, total);
  if (at > 0 && at === total) return at;
  await api.retry(async (progressed) => {
    let response: Response;
    try {
      response = await api.open({
        path: `/files/${encodeURIComponent(id)}/content`,
        // Ranges are of the bytes as they are, not as they are packed.
        headers: { "accept-encoding": "identity", ...(at > 0 && { range: `bytes=${at}-` }) },
      });
    } catch (error) {
      // Nothing is left of it, or what is here was never of it.
      if (!(error instanceof ApiError) || error.status !== 416) throw error;
      if (total === at) return;
      if (again === null) throw error;
      await again();
      at = 0;
      response = await api.open({ path: `/files/${encodeURIComponent(id)}/content` });
    }
    // A server that knows no ranges sends all of it: what is here already is passed over.
    let skip = at - startOf(response);
    if (skip < 0) throw new CannotRun("the server sent another part of the file than it was asked for");
    for await (const piece of pieces(api, response)) {
      const fresh = piece.subarray(Math.min(skip, piece.length));
      skip -= piece.length - fresh.length;
      if (fresh.length === 0) continue;
      await write(fresh);
      at += fresh.length;
      progressed();
      onBytes(at, total);
    }
    if (total !== null && at < total) {
      throw unreachable(Object.assign(new Error("ended early"), { code: "ECONNRESET" }), api.connection.base);
    }
  });
  return at;
}

/** Where an answer begins in the file. */
function startOf({ status, headers }: Response): number {
  return status === 206 ? Number(/^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1] ?? 0) : 0;
}

async function* pieces(api: Api, response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { value } = await within(reader.read(), stalledMs);
      if (value === undefined) return;
      yield value;
    }
  } catch (error) {
    throw unreachable(error, api.connection.base);
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
