/** Workers: the wasm is a module import, already compiled. */
import { type Core, setCore } from "../core.ts";
import * as glue from "../wasm/edgebatch.js";
import module from "../wasm/edgebatch_bg.wasm";

glue.initSync({ module });
setCore(glue as unknown as Core);

export * from "../index.ts";
