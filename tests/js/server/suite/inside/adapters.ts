/** Runs the contract suites on the adapters of the local disk, in whichever runtime this is; prints what came of each. */

import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesContract, kvContract } from "../../../../../js/contract/index.ts";
import { DiskFiles } from "../../../../../js/hosts/files/disk.ts";
import { SqliteKV } from "../../../../../js/hosts/kv/sqlite.ts";

const base = mkdtempSync(join(tmpdir(), "edgebatch-adapters-"));
const folder = () => mkdtempSync(join(base, "store-"));

const kv = kvContract(async () => {
  const path = join(folder(), "kv.db");
  const opened: SqliteKV[] = [];
  const open = async () => {
    const store = new SqliteKV(path);
    opened.push(store);
    return store;
  };
  return {
    kv: await open(),
    open,
    reopen: async () => {
      for (const store of opened) store.close();
      return open();
    },
    close: async () => {
      for (const store of opened) store.close();
    },
  };
});

const files = filesContract(async () => {
  const directory = folder();
  const store = new DiskFiles(directory);
  return {
    files: store,
    reopen: async () => new DiskFiles(directory),
    open: async () => new DiskFiles(directory),
    remove: (from, id) => (from as DiskFiles).delete(id),
    cut: async (id, bytes) => {
      const path = (await store.path(id)) as string;
      truncateSync(path, statSync(path).size - bytes);
    },
  };
});

const outcomes: Record<string, string> = {};
for (const { name, run } of [...kv, ...files]) {
  outcomes[name] = await run().then(
    () => "ok",
    (error) => String(error),
  );
}
rmSync(base, { recursive: true, force: true });
console.log(JSON.stringify(outcomes));
