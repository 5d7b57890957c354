/** Guards the adapters of the local disk under the runtime that is tested; those of the platform have tests of their own. */

import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";
import { filesContract, kvContract } from "../../../../js/contract/index.ts";
import { programs, runtimeName } from "./runtimes.ts";

// Under Node, tests/js/hosts runs the same.
if (runtimeName !== "worker") {
  const [program, ...args] = programs[runtimeName];
  let outcomes: Record<string, string> = {};
  before(async () => {
    const script = join(import.meta.dirname, "inside/adapters.ts");
    const { stdout } = await promisify(execFile)(program, [...args, script]);
    outcomes = JSON.parse(stdout);
  });

  const never = () => Promise.reject(new Error("only the names are used here"));
  for (const [adapter, tests] of [
    ["SqliteKV", kvContract(never)],
    ["DiskFiles", filesContract(never)],
  ] as const) {
    describe(adapter, () => {
      for (const { name } of tests) test(name, () => assert.equal(outcomes[name], "ok"));
    });
  }
}
