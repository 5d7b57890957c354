/** Uploads a file from disk: in one call, or in parts of which one that fails is sent again. */

import { bytes, CannotRun } from "../terminal.ts";
import type { Api } from "./api.ts";
import { type Content, reading } from "./content.ts";
import { ApiError, Unreachable } from "./faults.ts";
import { formOf } from "./form.ts";

/** Up to here in one call: most servers and the proxies before them take so much. */
const atOnceBytes = 64 << 20;
/** Held in memory while it is sent. */
const partBytes = 16 << 20;
/** Smaller parts than this are refused for another reason than their size. */
const leastPartBytes = 128 << 10;
/** A server may look at all of a file before it answers. */
const answerMs = 600_000;
/** So long a connection may take no bytes. */
const stalledMs = 120_000;

/** What hears of the bytes that were sent. */
export type OnSent = (sent: number) => void;

/** Gives the id of the uploaded file. */
export async function upload(api: Api, content: Content, onSent: OnSent): Promise<string> {
  if (content.bytes > atOnceBytes)
    return (await inParts(api, content, onSent)) ?? (await atOnce(api, content, onSent));
  try {
    return await atOnce(api, content, onSent);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 413) throw error;
    // A proxy takes less than the server would.
    const id = await inParts(api, content, onSent);
    if (id === null) throw error;
    return id;
  }
}

/** One call with all of it. After a failure it begins anew: whatever was stored of a call whose answer was lost is used by nobody. */
async function atOnce(api: Api, content: Content, onSent: OnSent): Promise<string> {
  const form = formOf({ purpose: "batch" }, "file", content.filename, content.bytes);
  return await api.retry(async () => {
    let changed: unknown;
    const stall = new Stall();
    async function* chunks(): AsyncGenerator<Uint8Array> {
      try {
        yield* reading(content, (sent) => {
          stall.moved();
          onSent(sent);
        });
      } catch (error) {
        changed = error;
        throw error;
      }
      stall.moved(answerMs);
    }
    try {
      return idOf(
        await api.json({
          method: "POST",
          path: "/files",
          headers: form.headers,
          body: form.body(chunks()),
          timeoutMs: 2 ** 31 - 1,
          signal: stall.signal,
        }),
      );
    } catch (error) {
      throw changed ?? error;
    } finally {
      stall.end();
    }
  });
}

/** By /uploads; null where the server has none. */
async function inParts(api: Api, content: Content, onSent: OnSent): Promise<string | null> {
  const { filename, bytes: size } = content;
  let id: string;
  try {
    // OpenAI's name for it, of all the names that there are.
    const asked = { filename, bytes: size, purpose: "batch", mime_type: "text/jsonl" };
    id = idOf(await api.call(post("/uploads", asked)));
  } catch (error) {
    if (error instanceof ApiError && [404, 405, 501].includes(error.status)) return null;
    throw error;
  }
  const path = `/uploads/${encodeURIComponent(id)}`;
  try {
    const parts: string[] = [];
    let sent = 0;
    for await (const part of inPieces(
      reading(content, () => {}),
      partBytes,
    )) {
      parts.push(...(await sendPart(api, `${path}/parts`, part)));
      sent += part.length;
      onSent(sent);
    }
    const done = (await api.call(post(`${path}/complete`, { part_ids: parts }))) as { file?: unknown };
    return idOf(done?.file);
  } catch (error) {
    // Should this fail too, the server lets it expire.
    await api.json(post(`${path}/cancel`, {})).catch(() => {});
    throw error;
  }
}

function post(path: string, body: object) {
  const headers = { "content-type": "application/json" };
  return { method: "POST" as const, path, headers, body: JSON.stringify(body), timeoutMs: answerMs };
}

/** The ids of the parts that it took. A part that was sent twice counts once: only ids that are named are of the file. */
async function sendPart(api: Api, path: string, part: Uint8Array): Promise<string[]> {
  const { headers, body } = formOf({}, "data", "part", part.length);
  try {
    return [
      await api.retry(async () =>
        idOf(
          await api.json({
            ...{ method: "POST", path, headers, timeoutMs: answerMs },
            body: body(sliced(part)),
          }),
        ),
      ),
    ];
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 413) throw error;
    if (part.length <= leastPartBytes) {
      throw new CannotRun(
        `${error.message}: it takes no bodies of ${bytes(part.length)}; a proxy before it may have a limit (nginx: client_max_body_size)`,
      );
    }
    const half = part.length >> 1;
    return [
      ...(await sendPart(api, path, part.subarray(0, half))),
      ...(await sendPart(api, path, part.subarray(half))),
    ];
  }
}

/** Pieces of one size, but for the last. Each is valid only until the next is asked for. */
async function* inPieces(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      const part = chunk.subarray(from, from + size - filled);
      piece.set(part, filled);
      from += part.length;
      filled += part.length;
      if (filled < size) continue;
      yield piece;
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** Copies, as what is being sent must not change: after a failed try it may still lie in a queue. */
async function* sliced(part: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < part.length; from += 1 << 20) yield part.slice(from, from + (1 << 20));
}

function idOf(value: unknown): string {
  const { id } = (value ?? {}) as { id?: unknown };
  if (typeof id === "string" && id !== "") return id;
  throw new CannotRun("the server took the file and did not say its id: does it speak OpenAI's API?");
}

/** Ends a call that makes no headway. */
class Stall {
  readonly #control = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.moved();
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  moved(ms = stalledMs): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#control.abort(new Unreachable("the server takes no more of the file", true)),
      ms,
    );
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
