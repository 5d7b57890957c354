/** Answers with bytes of files. */

import { type Call, errorResponse, refused } from "./http.ts";
import { streamSegments } from "./stored-bytes.ts";
import { noSuchFile } from "./tenant/file-index.ts";
import type { StoredFile } from "./tenant/types.ts";

/** The bytes of a file, or the range of them that is asked for. */
export async function content(c: Call, { file, segments }: StoredFile): Promise<Response> {
  // The bytes of an id never change.
  const etag = `"${file.id}"`;
  const headers = new Headers({
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; ${quotedName(file.filename)}`,
    "accept-ranges": "bytes",
    etag,
  });
  const condition = c.req.header("if-range");
  const asked = condition === undefined || condition === etag ? c.req.header("range") : undefined;
  const range = rangeOf(asked, file.bytes);
  if (range === "unsatisfiable") {
    const message = `The range '${asked}' is not satisfiable: the file has ${file.bytes} bytes.`;
    return errorResponse(refused(416, message), { "content-range": `bytes */${file.bytes}` });
  }
  const { start, length } = range ?? { start: 0, length: file.bytes };
  headers.set("content-length", String(length));
  if (range) headers.set("content-range", `bytes ${start}-${start + length - 1}/${file.bytes}`);
  const wanted = c.req.method !== "HEAD" && length > 0;
  const body = wanted ? await streamSegments(c.env, segments, start, length) : null;
  // Deleted since it was looked up.
  if (wanted && body === null) throw noSuchFile(file.id);
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** One range of bytes. Anything else that is asked for gets the whole file, as HTTP allows. */
export function rangeOf(header: string | undefined, size: number) {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (start >= size || end < start) return "unsatisfiable";
  return { start, length: end - start + 1 };
}

/** A file name as RFC 6266 has it: what is not ASCII comes in a second form. */
export function quotedName(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]/g, "_").replace(/["\\]/g, "_");
  if (plain === name) return `filename="${plain}"`;
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16)}`,
  );
  return `filename="${plain}"; filename*=utf-8''${encoded}`;
}
