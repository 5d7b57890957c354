/** Batch files that come packed are kept unpacked: all that is done with them is done with their lines. */

import { InvalidRequestError } from "../core/errors.ts";
import { newFileId } from "../core/file-id.ts";
import { UnpackError, unpacked } from "../core/unpack/index.ts";
import type { Call } from "./http.ts";
import { fileKey } from "./keys.ts";
import type { Received } from "./purposes.ts";
import { receive } from "./receive.ts";
import { LostObjectError, streamSegments } from "./stored-bytes.ts";
import { storageFull } from "./tenant/quotas.ts";
import type { Segment } from "./tenant/types.ts";

/** A packed file as it is stored. */
export interface Packed {
  packing: "gzip" | "zstd";
  filename: string;
  segments: Segment[];
  /** What errors name. */
  param: string;
}

/**
 * Unpacks a stored file to an object of its own, and gives its key. It ends with the first byte more than a batch file may have,
 * however much would follow.
 * @throws InvalidRequestError for what cannot be unpacked, or is too large
 */
export async function unpack(c: Call, packed: Packed): Promise<{ key: string; file: Received }> {
  const { packing, segments, param } = packed;
  const { tenant, tenantName } = c.var;
  const key = fileKey(tenantName, newFileId());
  const room = await tenant.startFile(key);
  const most = c.env.settings().maxFileBytes;
  const tooLarge = new InvalidRequestError(`File is too large. Unpacked, it has more than ${most} bytes.`);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const content = await streamSegments(c.env, segments, 0, bytes);
  if (content === null) throw new LostObjectError("the packed file is gone");
  const filename = packed.filename.replace(/\.(?:gz|gzip|zst|zstd)$/i, "");
  const writer = c.env.blobs.write(key, (uploadId) => tenant.expectMultipart(key, uploadId));
  try {
    const part = { name: param, filename, bytes: unpacked(packing, content) };
    const [atMost, refusal] = room < most ? [room, storageFull()] : [most, tooLarge];
    return { key, file: await receive(part, writer, atMost, refusal) };
  } catch (error) {
    if (!(error instanceof UnpackError)) throw error;
    throw new InvalidRequestError(error.message, { param, code: "invalid_file_format" });
  }
}
