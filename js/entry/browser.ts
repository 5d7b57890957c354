/**
 * Browsers and bundlers: the wasm is fetched from beside the script; nothing works before that has come. What runs batches is
 * fetched when the first is to run.
 */
import { setCore, setTurns } from "../core/wasm.ts";
import init, * as glue from "../wasm/edgebatch.js";
import initTurns, * as turns from "../wasm/turns.js";

await init({ module_or_path: new URL("../wasm/edgebatch_bg.wasm", import.meta.url) });
setCore(glue);
setTurns(async () => {
  await initTurns({ module_or_path: new URL("../wasm/turns_bg.wasm", import.meta.url) });
  return turns;
});

export * from "../core/index.ts";
export { type OpfsFileOptions, OpfsFiles } from "../hosts/files/opfs.ts";
export { IndexedDbKV } from "../hosts/kv/indexed-db.ts";
export type { WebLockOptions } from "../hosts/shared/web-lock.ts";
