/** Answers with bytes of files. */

import { type Call, errorResponse, refused } from "./http.ts";
import { streamSegments } from "./stored-bytes.ts";
import { noSuchFile } from "./tenant/file-index.ts";
import type { StoredFile } from "./tenant/types.ts";

/** What is smaller comes with the first packets of an answer, however it is packed. */
const LEAST_PACKED = 16 * 1024;

/**
 * The bytes of a file, or the range of them that is asked for. Whole files come packed to those who take that; ranges are of the
 * bytes as they are.
 */
export async function content(c: Call, { file, segments }: StoredFile): Promise<Response> {
  // The bytes of an id never change.
  const etag = `"${file.id}"`;
  const headers = new Headers({
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; ${quotedName(file.filename)}`,
    "accept-ranges": "bytes",
    vary: "Accept-Encoding",
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
  const packed = !range && length >= LEAST_PACKED && acceptsGzip(c.req.header("accept-encoding"));
  if (packed) {
    headers.set("content-encoding", "gzip");
    headers.set("etag", `"${file.id}-gzip"`);
  } else headers.set("content-length", String(length));
  if (range) headers.set("content-range", `bytes ${start}-${start + length - 1}/${file.bytes}`);
  const wanted = c.req.method !== "HEAD" && length > 0;
  const body = wanted ? await streamSegments(c.env, segments, start, length) : null;
  // Deleted since it was looked up.
  if (wanted && body === null) throw noSuchFile(file.id);
  const status = range ? 206 : 200;
  if (!packed || body === null) return new Response(body, { status, headers, ...AS_IT_IS });
  // Its chunks are of any memory in the types of some platforms.
  const pack = new CompressionStream("gzip") as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array>;
  return new Response(body.pipeThrough(pack), { status, headers, ...AS_IT_IS });
}

/** A platform that packs what says that it is packed is not to do it again. */
const AS_IT_IS = { encodeBody: "manual" };

/** Whether a caller takes gzip, by what it says of encodings (RFC 9110, 12.5.3). One that takes any may get any. */
export function acceptsGzip(header = ""): boolean {
  return header.split(",").some((each) => {
    const [coding = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
    return /^(?:x-)?gzip$/.test(coding) && !parameters.some((part) => /^q=0(?:\.0*)?$/.test(part));
  });
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
