/** Node: reads the wasm beside it, and adds the hosts that need Node. */
import { type Core, setCore } from "../core.ts";
import { fs } from "../hosts/node-modules.ts";
import { kernelRandom } from "../hosts/node-random.ts";
import { setRandom } from "../random.ts";
import * as glue from "../wasm/edgebatch.js";

glue.initSync({ module: fs().readFileSync(new URL("../wasm/edgebatch_bg.wasm", import.meta.url)) });
setRandom(kernelRandom);
setCore(glue as unknown as Core);

export { type DiskFileOptions, DiskFiles } from "../hosts/disk.ts";
export { patientFetch } from "../hosts/node-fetch.ts";
export { SqliteKV, type SqliteKVOptions } from "../hosts/sqlite.ts";
export * from "../index.ts";
