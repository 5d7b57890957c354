/** /v1/files */

import { Hono } from "hono";
import { ApiError, InvalidRequestError } from "../../core/errors.ts";
import { newFileId } from "../../core/file-id.ts";
import { content } from "../download.ts";
import type { HonoEnv } from "../http.ts";
import { now } from "../ids.ts";
import { fileKey } from "../keys.ts";
import { listing } from "../listing.ts";
import { multipart, text } from "../multipart.ts";
import { checkLength, expirySeconds, limitOf, unknownField, wholeNumber } from "../params.ts";
import { BATCH_SECONDS, checkBatchInput, checkPurpose, DOWNLOADABLE, type Received } from "../purposes.ts";
import { receive } from "../receive.ts";
import { storageFull } from "../tenant/quotas.ts";
import { unpack } from "../unpack.ts";

/** Largest file of any purpose; larger ones come by /v1/uploads. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;
const MAX_LIST = 10_000;
const FIELDS = ["purpose", "expires_after[anchor]", "expires_after[seconds]"];

export const fileRoutes = new Hono<HonoEnv>();

fileRoutes.get("/", async (c) => {
  const { after, order = "desc", purpose } = c.req.query();
  if (order !== "asc" && order !== "desc") {
    throw new InvalidRequestError(`Invalid value: '${order}'. Supported values are: 'asc' and 'desc'.`, {
      param: "order",
      code: "invalid_value",
    });
  }
  const limit = wholeNumber("limit", limitOf(c.req.query("limit")) ?? MAX_LIST, 1, MAX_LIST);
  const query = { limit, order, ...(after && { after }), ...(purpose && { purpose }) } as const;
  return listing(query, (page) => c.var.tenant.listFiles(page));
});

fileRoutes.post("/", async (c) => {
  const { tenant, tenantName } = c.var;
  const { blobs } = c.env;
  const id = newFileId();
  const sent = fileKey(tenantName, id);
  const fields = new Map<string, string>();
  const room = await tenant.startFile(sent);
  const began = (uploadId: string) => tenant.expectMultipart(sent, uploadId);
  const maxBatchBytes = c.env.settings().maxFileBytes;
  let file: Received | undefined;
  let key = sent;
  let named = false;
  try {
    const most = Math.max(MAX_FILE_BYTES, maxBatchBytes);
    const [atMost, tooLarge] = room < most ? [room, storageFull()] : [most, undefined];
    for await (const part of multipart(c.req.raw.body, c.req.header("content-type") ?? null)) {
      if (FIELDS.includes(part.name)) fields.set(part.name, await text(part));
      else if (part.name !== "file") throw unknownField(part.name);
      else {
        if (file) throw new InvalidRequestError("Only one 'file' is taken.", { param: "file" });
        checkLength("filename", part.filename);
        file = await receive(part, blobs.write(sent, began), atMost, tooLarge);
      }
    }
    const { purpose, seconds } = checkForm(fields, file);
    if (purpose === "batch" && file?.packing) {
      // What it is for may come after it: it is unpacked once it is there.
      const { packing, filename, bytes } = file;
      const packed = { packing, filename, segments: [{ key: sent, bytes }], param: "file" };
      ({ key, file } = await unpack(c, packed));
      await blobs.delete([sent]);
    }
    checkContent(purpose, file as Received, maxBatchBytes);
    const created_at = now();
    // From here on the file may be in the index even if the answer is lost, and then its bytes have to be there.
    named = true;
    const { filename, bytes, lines } = file as Received;
    return c.json(
      await tenant.createFile({
        ...{ id, purpose, filename, created_at, lines },
        expires_at: seconds === null ? null : created_at + seconds,
        segments: [{ key, bytes }],
      }),
    );
  } catch (error) {
    // Refused by the index: what it has named it keeps.
    if (file && (!named || error instanceof ApiError)) await blobs.delete([key]);
    throw error;
  }
});

/** The purpose may come after the file: everything is judged at the end. */
function checkForm(fields: Map<string, string>, file: Received | undefined) {
  if (!file) throw new InvalidRequestError("'file' is a required property");
  const purpose = checkPurpose(fields.get("purpose"));
  const anchor = fields.get("expires_after[anchor]");
  const after = fields.get("expires_after[seconds]");
  let seconds: number | null = purpose === "batch" ? BATCH_SECONDS : null;
  if (anchor !== undefined || after !== undefined) {
    const number = /^-?\d+$/.test(after ?? "") ? Number(after) : after;
    seconds = expirySeconds("expires_after", { anchor, seconds: number });
  }
  return { purpose, seconds };
}

function checkContent(purpose: string, file: Received, maxBatchBytes: number): void {
  if (purpose === "batch") checkBatchInput(file);
  const most = purpose === "batch" ? maxBatchBytes : MAX_FILE_BYTES;
  if (file.bytes > most) throw new InvalidRequestError("File is too large.");
}

fileRoutes.get("/:id", async (c) => {
  const { file } = await c.var.tenant.getFile(c.req.param("id"));
  return c.json(file);
});

fileRoutes.delete("/:id", async (c) => {
  const id = c.req.param("id");
  await c.var.tenant.deleteFile(id);
  return c.json({ object: "file", deleted: true, id });
});

fileRoutes.get("/:id/content", async (c) => {
  const stored = await c.var.tenant.getFile(c.req.param("id"));
  if (!DOWNLOADABLE.includes(stored.file.purpose)) {
    throw new InvalidRequestError(`Not allowed to download files of purpose: ${stored.file.purpose}`);
  }
  return content(c, stored);
});
