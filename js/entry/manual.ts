/**
 * For wherever the others do not fit: loads the wasm on request, from wherever the caller has it. Without
 * top-level await, so that a worker that imports this can listen at once, and any bundle format will do.
 */
import { setCore } from "../core/wasm.ts";
import init, * as glue from "../wasm/edgebatch.js";

/** Loads the core: from a compiled module, its bytes, a response of them or their address. Await it before anything else. */
export async function load(
  wasm: WebAssembly.Module | BufferSource | Response | URL | string | Promise<Response>,
): Promise<void> {
  await init({ module_or_path: wasm });
  setCore(glue);
}

export * from "../core/index.ts";
