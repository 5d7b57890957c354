/**
 * For whatever cannot load files, such as a single script or a sandbox: the wasm is inside, and ready once this is imported. What
 * runs batches is compiled when the first is to run. A megabyte of text, which the other entries spare their users.
 */
import { setCore, setTurns } from "../core/wasm.ts";
import * as glue from "../wasm/edgebatch.js";
import module from "../wasm/edgebatch_bg.wasm";
import * as turns from "../wasm/turns.js";
import turnsModule from "../wasm/turns_bg.wasm";

// The bundle of this entry has their bytes in the place of modules.
glue.initSync({ module });
setCore(glue);
setTurns(() => {
  turns.initSync({ module: turnsModule });
  return turns;
});

export * from "../core/index.ts";
export { type OpfsFileOptions, OpfsFiles } from "../hosts/files/opfs.ts";
export { IndexedDbKV } from "../hosts/kv/indexed-db.ts";
export type { WebLockOptions } from "../hosts/shared/web-lock.ts";
