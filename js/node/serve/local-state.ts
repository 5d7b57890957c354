/**
 * State in one folder. Each tenant has its records in an SQLite file of its own: one that is damaged, or large, or removed, is
 * nobody else's trouble, and no key of a tenant can be another's.
 */

import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiskBlobs, fileName } from "../../hosts/blobs/disk.ts";
import { ServeDraining } from "./drain.ts";
import type { ServeState, TenantStores } from "./state.ts";
import { openStateFolder, type StateFolder } from "./state-folder.ts";
import { Store, StoreWriter } from "./store.ts";
import { WritableState } from "./writable.ts";

/** @throws Error that says why this folder cannot be used */
export async function openLocalState(data: string): Promise<ServeState> {
  const state = await openStateFolder(data);
  return {
    ...{ name: data, folder: state.folder, isShared: false },
    stores: localStores(state),
    blobs: new DiskBlobs(state.blobs),
    draining: new ServeDraining(state.folder),
    writable: new WritableState(state.folder),
    close: async () => state.close(),
  };
}

function localStores(state: StateFolder): TenantStores {
  const writer = new StoreWriter();
  const path = (name: string) => state.store(fileName(name));
  return {
    open: (name) => new Store(path(name), writer),
    exists: (name) => existsSync(path(name)),
    async bytes() {
      const folder = dirname(state.store("any"));
      let sum = 0;
      for (const name of await readdir(folder).catch(() => []))
        sum += (await stat(join(folder, name)).catch(() => null))?.size ?? 0;
      return sum;
    },
    close: () => writer.close(),
  };
}
