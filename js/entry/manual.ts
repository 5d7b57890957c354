/**
 * For wherever the others do not fit: loads the wasm on request, from wherever the caller has it. Without
 * top-level await, so that a worker that imports this can listen at once, and any bundle format will do.
 */
import { setCore, setTurns } from "../core/wasm.ts";
import init, * as glue from "../wasm/edgebatch.js";
import initTurns, * as turns from "../wasm/turns.js";

/** A wasm: compiled, its bytes, a response of them or their address. */
export type Wasm = WebAssembly.Module | BufferSource | Response | URL | string | Promise<Response>;

/**
 * Loads the core, which is `edgebatch_bg.wasm`. Await it before anything else. Who runs batches gives `turns_bg.wasm` too:
 * without it, files are checked and batches created, but none is run.
 */
export async function load(wasm: Wasm, turnsWasm?: Wasm): Promise<void> {
  await Promise.all([
    init({ module_or_path: wasm }),
    turnsWasm !== undefined && initTurns({ module_or_path: turnsWasm }),
  ]);
  setCore(glue);
  if (turnsWasm !== undefined) setTurns(() => turns);
}

export * from "../core/index.ts";
export { type OpfsFileOptions, OpfsFiles } from "../hosts/files/opfs.ts";
export { IndexedDbKV } from "../hosts/kv/indexed-db.ts";
export type { WebLockOptions } from "../hosts/shared/web-lock.ts";
