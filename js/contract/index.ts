/**
 * What every adapter must keep, as tests for any framework and any runtime:
 *
 * ```ts
 * import { test } from "node:test";
 * import { kvContract } from "edgebatch/contract";
 *
 * for (const t of kvContract(async () => ({ kv: new MyKV() }))) test(t.name, t.run);
 * ```
 */

export { ContractError } from "./assert.ts";
export { type FilesSubject, filesContract } from "./files.ts";
export { type KVSubject, kvContract } from "./kv.ts";
export type { ContractTest } from "./suite.ts";
