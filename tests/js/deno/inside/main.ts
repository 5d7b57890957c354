/** Runs in Deno what `DenoKV` promises; prints what came of each test. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kvContract } from "../../../../js/contract/index.ts";
import type { DenoKV } from "../../../../js/hosts/kv/deno-kv.ts";
import { faultTests } from "./faults.ts";
import { openKv } from "./open.ts";

const base = mkdtempSync(join(tmpdir(), "edgebatch-deno-kv-"));
let stores = 0;

const contract = kvContract(async () => {
  const path = join(base, `kv-${++stores}.db`);
  const opened: DenoKV[] = [];
  const open = async () => {
    const kv = await openKv(path);
    opened.push(kv);
    return kv;
  };
  const close = async () => {
    for (const kv of opened.splice(0)) kv.close();
  };
  const reopen = async () => {
    await close();
    return open();
  };
  return { kv: await open(), open, reopen, close };
});

const outcomes: Record<string, string> = {};
for (const [name, run] of [
  ...contract.map(({ name, run }) => [name, run] as const),
  ...Object.entries(faultTests),
]) {
  outcomes[name] = await run().then(
    () => "ok",
    (error) => (error as Error).stack ?? String(error),
  );
}
rmSync(base, { recursive: true, force: true });
console.log(JSON.stringify(outcomes));
