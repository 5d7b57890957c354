/** Browsers and bundlers: the wasm is fetched from beside the script; nothing works before that has come. */
import { setCore } from "../core/wasm.ts";
import init, * as glue from "../wasm/edgebatch.js";

await init({ module_or_path: new URL("../wasm/edgebatch_bg.wasm", import.meta.url) });
setCore(glue);

export * from "../core/index.ts";
