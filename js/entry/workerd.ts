/**
 * Workers: the wasm is a module import, already compiled; and the hosts that need their platform. What runs batches takes memory
 * only where some are run.
 */
import { setCore, setTurns } from "../core/wasm.ts";
import * as glue from "../wasm/edgebatch.js";
import module from "../wasm/edgebatch_bg.wasm";
import * as turns from "../wasm/turns.js";
import turnsModule from "../wasm/turns_bg.wasm";

glue.initSync({ module });
setCore(glue);
setTurns(() => {
  turns.initSync({ module: turnsModule });
  return turns;
});

export * from "../core/index.ts";
export {
  type R2BucketLike,
  R2Files,
  type R2FilesBucket,
  type R2FilesOptions,
  type R2MultipartUploadLike,
  type R2ObjectLike,
} from "../hosts/files/r2.ts";
export { DurableObjectKV, type SqlDurableObjectStorage } from "../hosts/kv/durable-object.ts";
