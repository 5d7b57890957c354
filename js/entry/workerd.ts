/** Workers: the wasm is a module import, already compiled; and the hosts that need their platform. */
import { setCore } from "../core/wasm.ts";
import * as glue from "../wasm/edgebatch.js";
import module from "../wasm/edgebatch_bg.wasm";

glue.initSync({ module });
setCore(glue);

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
