/** What every {@link KV} must keep. */

import { batchTests } from "./kv/batches.ts";
import { checkTests } from "./kv/checks.ts";
import { listTests } from "./kv/lists.ts";
import type { KVSubject } from "./kv/subject.ts";
import { valueTests } from "./kv/values.ts";
import { type ContractTest, suite } from "./suite.ts";

export type { KVSubject };

/** Tests for a key-value store; `make` is called for each. An eventual store must make each test see its own writes. */
export function kvContract(make: () => Promise<KVSubject>): ContractTest[] {
  const checks = Object.entries({ ...valueTests, ...listTests, ...batchTests, ...checkTests });
  const bound = checks.map(([name, check]) => [name, (subject: KVSubject) => check(subject.kv, subject)]);
  return suite("A key-value store", Object.fromEntries(bound), make);
}
