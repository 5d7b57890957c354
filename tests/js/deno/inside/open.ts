/** `DenoKV` over Deno's own, for what runs in Deno. */

import type { DenoKVOptions, DenoKvDatabase, DenoKvEntry } from "../../../../js/hosts/kv/deno-kv.ts";
import { DenoKV } from "../../../../js/hosts/kv/deno-kv.ts";

declare const Deno: { openKv(path: string): Promise<DenoKvDatabase> };

export const openDatabase = (path: string): Promise<DenoKvDatabase> => Deno.openKv(path);

export const openKv = (path: string, options?: DenoKVOptions): Promise<DenoKV> =>
  DenoKV.open(() => Deno.openKv(path), options);

/** What stands in the database that no value needs: parts that no head names, and journals. */
export async function strays(database: DenoKvDatabase): Promise<string[]> {
  const named = new Set<unknown>();
  const others: DenoKvEntry[] = [];
  const range = { start: ["edgebatch", ""], end: ["edgebatch", 0] };
  for await (const entry of database.list(range, { limit: 1e6, batchSize: 100, reverse: false })) {
    const [, kind] = entry.key;
    if (kind === "key") named.add((entry.value as { id?: string }).id);
    else if (kind !== "split") others.push(entry);
  }
  return others.filter(({ key }) => !named.has(key[2])).map(({ key }) => key.join());
}
