/** Node: reads the wasm beside it, and adds the hosts that need Node. */

import { setRandom } from "../core/random.ts";
import { setCore } from "../core/wasm.ts";
import { fs } from "../hosts/shared/node-modules.ts";
import { kernelRandom } from "../node/random.ts";
import * as glue from "../wasm/edgebatch.js";

/**
 * Written out in one piece, the address is one that bundlers find the file by. Some make of it an address for browsers
 * (Next.js, where it renders a component of the client on the server): one that is put together is left alone.
 */
function readWasm(): Uint8Array<ArrayBuffer> {
  try {
    return fs().readFileSync(new URL("../wasm/edgebatch_bg.wasm", import.meta.url));
  } catch (error) {
    const here = import.meta.url;
    try {
      return fs().readFileSync(new URL(["..", "wasm", "edgebatch_bg.wasm"].join("/"), here));
    } catch {
      const hint = "a bundle needs it at its address, or the package left out of it (external)";
      throw new Error(`edgebatch: the wasm cannot be read: ${hint}: ${(error as Error).message}`);
    }
  }
}

glue.initSync({ module: readWasm() });
setRandom(kernelRandom);
setCore(glue);

export * from "../core/index.ts";
export { type DiskFileOptions, DiskFiles } from "../hosts/files/disk.ts";
export { patientFetch } from "../hosts/inference/patient-fetch.ts";
export { SqliteKV, type SqliteKVOptions } from "../hosts/kv/sqlite.ts";
