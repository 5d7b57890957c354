/** Objects in an R2 bucket. */

import { ObjectWriter, readObject } from "../hosts/files/r2.ts";
import type { Blobs } from "../server/ports.ts";
import type { Bucket } from "./env.ts";

/** `onRead` is called before each read of a piece. */
export function r2Blobs(bucket: Bucket, onRead = () => {}): Blobs {
  return {
    read(key, offset, length) {
      onRead();
      return readObject(bucket, key, offset, length);
    },
    async open(key, offset, length) {
      // A range of no bytes, or past the end, is an error to R2.
      let refused: unknown;
      try {
        const found = length > 0 && (await bucket.get(key, { range: { offset, length } }));
        if (found !== false) return found && { size: found.size, body: found.body };
      } catch (error) {
        refused = error;
      }
      const size = (await bucket.head(key))?.size;
      if (size === undefined) return null;
      if (length > 0 && offset < size) throw refused;
      return { size, body: new Blob([]).stream() };
    },
    write: (key, began) => new ObjectWriter(bucket, key, {}, began),
    delete: (keys) => bucket.delete(keys),
    async discard(key, uploadId) {
      try {
        await bucket.resumeMultipartUpload(key, uploadId).abort();
      } catch (error) {
        // One that was completed or aborted is not known any more.
        if (!/10024|does not exist/.test(String(error))) throw error;
      }
    },
  };
}
