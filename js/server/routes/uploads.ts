/** /v1/uploads: files that are too large for one call. */

import { Hono } from "hono";
import { ApiError, InvalidRequestError } from "../../core/errors.ts";
import { newFileId } from "../../core/file-id.ts";
import { FirstLine } from "../../core/first-line.ts";
import { packingOf } from "../../core/packing.ts";
import { type Call, type HonoEnv, jsonObject } from "../http.ts";
import { newId } from "../ids.ts";
import { Joined, SmallOrObject } from "../join.ts";
import { partKey } from "../keys.ts";
import { multipart } from "../multipart.ts";
import {
  checkLength,
  checkNames,
  expirySeconds,
  missingParameter,
  requiredString,
  unknownField,
  wholeNumber,
  wrongType,
} from "../params.ts";
import { BATCH_SECONDS, checkBatchInput, checkPurpose, FIRST_LINE_BYTES } from "../purposes.ts";
import { receive } from "../receive.ts";
import { readSegments, streamSegments } from "../stored-bytes.ts";
import type { Segment } from "../tenant/types.ts";
import { MAX_PARTS, tooManyBytes } from "../tenant/uploads.ts";
import { unpack } from "../unpack.ts";

const MAX_PART_BYTES = 64 * 1024 * 1024;
const MAX_UPLOAD_BYTES = 8 * 1024 * 1024 * 1024;
/** How much of a file is read to look at its first line. */
const HEAD_BYTES = 256 * 1024;

export const uploadRoutes = new Hono<HonoEnv>();

uploadRoutes.post("/", async (c) => {
  const body = await jsonObject(c);
  checkNames(body, ["filename", "purpose", "bytes", "mime_type", "expires_after"]);
  const filename = requiredString(body, "filename");
  checkLength("filename", filename);
  const purpose = checkPurpose(requiredString(body, "purpose"));
  if (body.bytes === undefined || body.bytes === null) throw missingParameter("bytes");
  const bytes = wholeNumber("bytes", body.bytes, 0, MAX_UPLOAD_BYTES);
  requiredString(body, "mime_type");
  const seconds = expirySeconds("expires_after", body.expires_after);
  const fileSeconds = seconds ?? (purpose === "batch" ? BATCH_SECONDS : null);
  const id = newId("upload_");
  return c.json(await c.var.tenant.createUpload({ id, filename, purpose, bytes, fileSeconds }));
});

uploadRoutes.post("/:id/parts", async (c) => {
  const uploadId = c.req.param("id");
  const { blobs } = c.env;
  const id = newId("part_");
  const key = partKey(c.var.tenantName, id);
  const room = await c.var.tenant.uploadRoom(uploadId);
  const writer = new SmallOrObject(c, key);
  const [most, tooLarge] = room < MAX_PART_BYTES ? [room, tooManyBytes()] : [MAX_PART_BYTES, undefined];
  let bytes: number | undefined;
  let lines = 0;
  let named = false;
  try {
    for await (const part of multipart(c.req.raw.body, c.req.header("content-type") ?? null)) {
      if (part.name !== "data") throw unknownField(part.name);
      if (bytes !== undefined) throw new InvalidRequestError("Only one 'data' is taken.", { param: "data" });
      ({ bytes, lines } = await receive(part, writer, most, tooLarge));
    }
    if (bytes === undefined) throw missingParameter("data");
    named = true;
    return c.json(await c.var.tenant.addUploadPart(uploadId, { id, bytes, lines, ...writer.where() }));
  } catch (error) {
    // Where only the answer was lost, the upload may have the part, and then its bytes have to be there.
    if (bytes !== undefined && (!named || error instanceof ApiError)) await blobs.delete([key]);
    throw error;
  }
});

uploadRoutes.post("/:id/complete", async (c) => {
  const id = c.req.param("id");
  const body = await jsonObject(c);
  checkNames(body, ["part_ids", "md5"]);
  const partIds = body.part_ids;
  if (partIds === undefined || partIds === null) throw missingParameter("part_ids");
  if (!Array.isArray(partIds)) throw wrongType("part_ids", "an array of strings", partIds);
  if (partIds.length > MAX_PARTS) {
    throw new InvalidRequestError(
      `Invalid 'part_ids': array too long. Expected an array with maximum length ${MAX_PARTS}, but got an array with ` +
        `length ${partIds.length} instead.`,
      { param: "part_ids", code: "array_above_max_length" },
    );
  }
  const wrong = partIds.findIndex((partId) => typeof partId !== "string");
  if (wrong >= 0) throw wrongType(`part_ids[${wrong}]`, "a string", partIds[wrong]);
  const plan = () => c.var.tenant.planUpload(id, partIds);
  const planned = await plan();
  if ("completed" in planned) return c.json(planned.completed);
  const { purpose, filename } = planned;
  const md5 = body.md5 === undefined || body.md5 === null ? undefined : requiredString(body, "md5");
  const joined = new Joined(c, id, planned.parts);
  let unpackedTo: string | undefined;
  let named = false;
  try {
    const segments = await joined.write();
    const head = segments && (await readSegments(c.env.blobs, segments, 0, HEAD_BYTES));
    const there =
      segments !== null && head !== null && (md5 === undefined || (await checkMd5(c, md5, segments)));
    if (!there) {
      // Another call has completed or cancelled the upload since, and this says so; or else it is a fault.
      const now = await plan();
      if ("completed" in now) return c.json(now.completed);
      throw new Error("parts of an upload are gone");
    }
    const packing = purpose === "batch" ? packingOf(head) : null;
    if (packing !== null) {
      const { key, file } = await unpack(c, { packing, filename, segments, param: "part_ids" });
      unpackedTo = key;
      checkBatchInput(file);
      const content = { filename: file.filename, lines: file.lines, bytes: file.bytes };
      named = true;
      const whole = [{ key, bytes: file.bytes }];
      const upload = await c.var.tenant.completeUpload(id, partIds, newFileId(), whole, content);
      // What the parts were joined in holds the packed bytes.
      await joined.remove();
      return c.json(upload);
    }
    if (purpose === "batch") checkFirstLine(filename, segments, head);
    named = true;
    return c.json(await c.var.tenant.completeUpload(id, partIds, newFileId(), segments));
  } catch (error) {
    if (!named || error instanceof ApiError) {
      await joined.remove();
      if (unpackedTo !== undefined) await c.env.blobs.delete([unpackedTo]);
    }
    throw error;
  }
});

uploadRoutes.post("/:id/cancel", async (c) => c.json(await c.var.tenant.cancelUpload(c.req.param("id"))));

/** @throws InvalidRequestError when a file that begins so cannot be a batch's input */
function checkFirstLine(filename: string, segments: Segment[], start: Uint8Array): void {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const head = new FirstLine(FIRST_LINE_BYTES);
  head.push(start);
  const whole = bytes <= HEAD_BYTES || head.isWhole;
  checkBatchInput({ filename, firstLine: whole ? head.line() : undefined });
}

/** Whether the bytes are there. @throws InvalidRequestError when their MD5 is another */
async function checkMd5(c: Call, expected: string, segments: Segment[]): Promise<boolean> {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const content = await streamSegments(c.env, segments, 0, bytes);
  if (content === null) return false;
  const digest = await c.env.platform.md5(content);
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex === expected.trim().toLowerCase()) return true;
  throw new InvalidRequestError(`The file's MD5 is ${hex}, not '${expected}'.`, { param: "md5" });
}
