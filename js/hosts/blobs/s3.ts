/**
 * A bucket by S3's API, as AWS, R2, MinIO, Ceph and Google's interoperable side have it. It is given what signs its calls: who does
 * not use it does not need the library. What it can do is what R2's bucket can, so whatever takes one takes the other.
 */

import { checkNames, checkType } from "../../core/options.ts";
import { ObjectWriter, type R2FilesBucket, type R2MultipartUploadLike } from "../files/r2.ts";
import { type Call, S3Calls, S3Error, type S3Signer } from "./s3/calls.ts";
import { escaped, text, texts } from "./s3/xml.ts";

export { S3Error, type S3Signer } from "./s3/calls.ts";

/** Options of {@link S3Bucket}. */
export interface S3BucketOptions {
  /** The bucket's own address: `https://BUCKET.s3.REGION.amazonaws.com`, or `http://minio:9000/BUCKET`. */
  url: string;
  /** An `AwsClient` of the library `aws4fetch`, made for the service `s3` and the bucket's region. */
  signer: S3Signer;
  /** How long one call may take, up to its answer's first bytes, in milliseconds. Default 60,000. */
  timeoutMs?: number;
}

const META = "x-amz-meta-";
/** Deletions under way at once: not all of S3's kind delete several in one call. */
const DELETIONS = 16;

export class S3Bucket implements R2FilesBucket {
  readonly #calls: S3Calls;

  constructor(options: S3BucketOptions) {
    checkNames(options, { url: true, signer: true, timeoutMs: true }, "S3Bucket");
    checkType("url", options.url, "string");
    checkType("signer", options.signer, "object");
    this.#calls = new S3Calls(options.url, options.signer, options.timeoutMs ?? 60_000);
  }

  async head(key: string) {
    const call = { method: "HEAD", path: path(key), what: `a look at ${key}`, expected: [200, 404] };
    const { status, headers } = await this.#calls.whole(call);
    return status === 404 ? null : { size: sizeOf(headers, key), customMetadata: metadataOf(headers) };
  }

  /** Rejects with an {@link S3Error} of status 416 where the range begins at the object's end, or beyond. */
  async get(
    key: string,
    options: { range?: { offset: number; length: number } } = {},
  ): ReturnType<R2FilesBucket["get"]> {
    const { range } = options;
    const call: Call = { method: "GET", path: path(key), what: `reading ${key}`, expected: [200, 206, 404] };
    if (range) call.headers = { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
    const response = await this.#calls.stream(call);
    if (response.status === 404) {
      const answer = await new Response(response.body).text();
      const [code, message] = [text(answer, "Code"), text(answer, "Message")];
      // Then all objects would seem to be gone.
      if (code === "NoSuchBucket") throw new S3Error(call.what, 404, code, message);
      return null;
    }
    if (
      range &&
      response.status === 200 &&
      (range.offset > 0 || sizeOf(response.headers, key) > range.length)
    ) {
      await response.body.cancel();
      throw new Error(`S3 gave all of ${key}, and was asked for a range`);
    }
    return {
      size: sizeOf(response.headers, key),
      customMetadata: metadataOf(response.headers),
      body: response.body,
      arrayBuffer: () => new Response(response.body).arrayBuffer(),
    };
  }

  async put(
    key: string,
    value: Uint8Array,
    options: { customMetadata?: Record<string, string> } = {},
  ): Promise<void> {
    await this.#calls.whole({
      ...{ method: "PUT", path: path(key), what: `writing ${key}`, expected: [200] },
      ...{ headers: metadata(options.customMetadata), body: new Uint8Array(value) },
    });
  }

  /** No error for what is not there. */
  async delete(keys: string | string[]): Promise<void> {
    const all = typeof keys === "string" ? [keys] : [...keys];
    const one = async () => {
      for (let key = all.pop(); key !== undefined; key = all.pop()) {
        const call = { method: "DELETE", path: path(key), what: `deleting ${key}` };
        await this.#calls.whole({ ...call, expected: [200, 204, 404] });
      }
    };
    await Promise.all(Array.from({ length: Math.min(DELETIONS, all.length) }, one));
  }

  async list(options: { prefix: string; limit?: number }): Promise<{ objects: { readonly key: string }[] }> {
    const { prefix, limit = 1000 } = options;
    const query = `encoding-type=url&list-type=2&max-keys=${limit}&prefix=${encodeURIComponent(prefix)}`;
    const call = { method: "GET", path: "", query, what: "a list of the bucket", expected: [200] };
    const { bytes } = await this.#calls.whole(call);
    // As form values, which write spaces as `+`.
    const keys = texts(utf8(bytes), "Key").map((key) => decodeURIComponent(key.replaceAll("+", " ")));
    return { objects: keys.map((key) => ({ key })) };
  }

  async createMultipartUpload(
    key: string,
    options: { customMetadata?: Record<string, string> } = {},
  ): Promise<R2MultipartUploadLike> {
    const { bytes } = await this.#calls.whole({
      ...{ method: "POST", path: path(key), query: "uploads=", what: `beginning ${key}`, expected: [200] },
      headers: metadata(options.customMetadata),
    });
    const uploadId = text(utf8(bytes), "UploadId");
    if (!uploadId) throw new Error(`S3 named no upload for ${key}`);
    return this.resumeMultipartUpload(key, uploadId);
  }

  resumeMultipartUpload(key: string, uploadId: string): R2MultipartUploadLike {
    const upload = `uploadId=${encodeURIComponent(uploadId)}`;
    return {
      uploadId,
      uploadPart: async (partNumber, value) => {
        const { headers } = await this.#calls.whole({
          ...{ method: "PUT", path: path(key), query: `partNumber=${partNumber}&${upload}`, expected: [200] },
          ...{ what: `writing part ${partNumber} of ${key}`, body: new Uint8Array(value) },
        });
        const etag = headers.get("etag");
        if (!etag) throw new Error(`S3 gave part ${partNumber} of ${key} no ETag`);
        return { partNumber, etag };
      },
      complete: (parts) => this.#complete(key, upload, parts),
      abort: async () => {
        const call = { method: "DELETE", path: path(key), query: upload, what: `giving up ${key}` };
        await this.#calls.whole({ ...call, expected: [200, 204, 404] });
      },
    };
  }

  async #complete(key: string, upload: string, parts: { partNumber: number; etag: string }[]): Promise<void> {
    const listed = parts.map(
      ({ partNumber, etag }) =>
        `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
    );
    const body = `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
    const call = { method: "POST", path: path(key), query: upload, what: `completing ${key}`, body };
    const headers = { "content-type": "application/xml" };
    const { status, bytes, tries } = await this.#calls.whole({ ...call, headers, expected: [200, 404] });
    // Where the first try was carried out and its answer lost, the upload is not there any more, and the object is.
    if (status === 404 && tries > 1 && (await this.head(key)) !== null) return;
    const answer = utf8(bytes);
    // It begins to answer before it knows how it ends.
    if (status === 200 && text(answer, "ETag") !== undefined) return;
    throw new S3Error(call.what, status, text(answer, "Code"), text(answer, "Message"));
  }
}

/** Objects in a bucket: bytes under keys such as `alice/files/file-1`, each written whole and never changed. */
export class S3Blobs {
  readonly #bucket: S3Bucket;
  readonly #prefix: string;

  /** `prefix` starts every key. */
  constructor(bucket: S3Bucket, prefix = "") {
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  /** Bytes of an object, fewer where it ends, none past its end; null when there is none. */
  async read(key: string, offset: number, length: number): Promise<Uint8Array | null> {
    const found = await this.open(key, offset, length);
    return found && new Uint8Array(await new Response(found.body).arrayBuffer());
  }

  /** The same as a stream, with the size of the whole object. */
  async open(
    key: string,
    offset: number,
    length: number,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | null> {
    try {
      if (length > 0) return await this.#bucket.get(this.#prefix + key, { range: { offset, length } });
    } catch (error) {
      if (!(error instanceof S3Error && error.status === 416)) throw error;
    }
    const found = await this.#bucket.head(this.#prefix + key);
    return found && { size: found.size, body: new Blob([]).stream() };
  }

  /** Writes an object, which is visible, or replaced, once it is complete. Memory: one part of 8 MiB. */
  write(key: string, began: (uploadId: string) => Promise<void>): ObjectWriter {
    return new ObjectWriter(this.#bucket, this.#prefix + key, {}, began);
  }

  /** Deletes objects. No error for those that are not there. */
  delete(keys: string[]): Promise<void> {
    return this.#bucket.delete(keys.map((key) => this.#prefix + key));
  }

  /** Throws away the parts of a write. No error when it was completed, or thrown away before. */
  discard(key: string, uploadId: string): Promise<void> {
    return this.#bucket.resumeMultipartUpload(this.#prefix + key, uploadId).abort();
  }
}

/** Written as the signature writes it. */
function path(key: string): string {
  return key.split("/").map(encoded).join("/");
}

function encoded(part: string): string {
  // A part that is a dot, or two, is a step in every address, however it is written.
  if (part === "." || part === "..") throw new Error("A part of an object's key is a dot, or two.");
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function metadata(all: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [META + name, value]));
}

function metadataOf(headers: Headers): Record<string, string> {
  const own = [...headers].filter(([name]) => name.startsWith(META));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(META.length), value]));
}

/** Of the whole object, whatever range was asked for. */
function sizeOf(headers: Headers, key: string): number {
  const [, whole] = /\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  const size = Number(whole ?? headers.get("content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(size)) throw new Error(`S3 does not say how large ${key} is`);
  return size;
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
