/** Node: reads the wasm beside it, and adds the hosts that need Node. What runs batches is read when the first is to run. */

import { setRandom } from "../core/random.ts";
import { setCore, setTurns } from "../core/wasm.ts";
import { fs } from "../hosts/shared/node-modules.ts";
import { kernelRandom } from "../node/random.ts";
import * as glue from "../wasm/edgebatch.js";
import * as turns from "../wasm/turns.js";

/**
 * Written out in one piece, an address is one that bundlers find the file by. Some make of it an address for browsers
 * (Next.js, where it renders a component of the client on the server): one that is put together is left alone.
 */
function readWasm(name: string, address: () => URL): Uint8Array<ArrayBuffer> {
  try {
    return fs().readFileSync(address());
  } catch (error) {
    const here = import.meta.url;
    try {
      return fs().readFileSync(new URL(["..", "wasm", name].join("/"), here));
    } catch {
      const hint = "a bundle needs it at its address, or the package left out of it (external)";
      throw new Error(`edgebatch: the wasm cannot be read: ${hint}: ${(error as Error).message}`);
    }
  }
}

const calls = () => new URL("../wasm/edgebatch_bg.wasm", import.meta.url);
glue.initSync({ module: readWasm("edgebatch_bg.wasm", calls) });
setRandom(kernelRandom);
setCore(glue);
setTurns(() => {
  const address = () => new URL("../wasm/turns_bg.wasm", import.meta.url);
  turns.initSync({ module: readWasm("turns_bg.wasm", address) });
  return turns;
});

export * from "../core/index.ts";
export { S3Bucket, type S3BucketOptions, S3Error, type S3Signer } from "../hosts/blobs/s3.ts";
export { type DiskFileOptions, DiskFiles } from "../hosts/files/disk.ts";
export { R2Files, type R2FilesBucket, type R2FilesOptions } from "../hosts/files/r2.ts";
export { patientFetch } from "../hosts/inference/patient-fetch.ts";
export {
  DenoKV,
  type DenoKVOptions,
  type DenoKvDatabase,
  type DenoKvEntry,
  type DenoKvKey,
  type DenoKvTransaction,
  type DenoKvVersion,
} from "../hosts/kv/deno-kv.ts";
export {
  type PostgresClient,
  PostgresKV,
  type PostgresKVOptions,
  type PostgresPool,
} from "../hosts/kv/postgres.ts";
export { SqliteKV, type SqliteKVOptions } from "../hosts/kv/sqlite.ts";
