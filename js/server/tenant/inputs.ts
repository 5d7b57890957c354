/** The inputs of batches that have not ended stay for them, whoever deletes them. */

import type { KV } from "../../core/types.ts";
import { BATCH } from "../keys.ts";
import { batchWith } from "./change.ts";
import type { FileIndex } from "./file-index.ts";

/**
 * A store that has the input of a new batch held in the same step as the batch is stored: no call to delete the file
 * can come between. A file that is not there then is not there for the batch either.
 */
export function holdingInputs(kv: KV, files: FileIndex, now: () => number): KV {
  return {
    caps: kv.caps,
    get: (key) => kv.get(key),
    set: (key, value) => kv.set(key, value),
    delete: (key) => kv.delete(key),
    list: (query) => kv.list(query),
    batch: (ops, checks = []) =>
      batchWith(kv, ops, checks, async (c) => {
        for (const op of ops) {
          if (op.type !== "set" || !op.key.startsWith(BATCH)) continue;
          const { id, input_file_id } = JSON.parse(new TextDecoder().decode(op.value));
          await files.hold(c, id, input_file_id, now());
        }
      }),
  };
}
