/** Loads the page's core: the wasm that checks files and does nothing else. */
import { setCore } from "../../core/wasm.ts";
import * as glue from "../../wasm/validator.js";

/** Loads it from a compiled module, at once: nothing is fetched here. */
export function loadCore(module: WebAssembly.Module): void {
  glue.initSync({ module });
  setCore(glue);
}
