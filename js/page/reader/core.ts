/** Loads the page's core: the wasm that checks files, mends them and makes them. */
import { setConvertCore } from "../../core/convert.ts";
import { setRepairCore } from "../../core/repair.ts";
import { setCore } from "../../core/wasm.ts";
import * as glue from "../../wasm/validator.js";

/** Loads it from a compiled module, at once: nothing is fetched here. */
export function loadCore(module: WebAssembly.Module): void {
  glue.initSync({ module });
  setCore(glue);
  setRepairCore(glue);
  setConvertCore(glue);
}
