/** State that any number of servers share: records in a Postgres, bytes of files in a bucket. */

import { S3Blobs, S3Bucket } from "../../../hosts/blobs/s3.ts";
import type { SharedSettings } from "../settings.ts";
import type { ServeState } from "../state.ts";
import { s3Address } from "./address.ts";
import { Database } from "./database.ts";
import { DRAINING, SharedDraining } from "./drain.ts";
import { signingLibrary } from "./libraries.ts";
import { SharedSlots } from "./slots.ts";
import { SharedWritable } from "./writable.ts";

/** How long the bucket may take to answer: the lease of a batch is renewed meanwhile. */
const ANSWER_MS = 30_000;

/** What concerns all tenants. No key has this name. */
const ALL = "";

/** @throws Error that says why it cannot be used */
export async function openSharedState({ store, files, env }: SharedSettings): Promise<ServeState> {
  const { url, prefix, ...signing } = s3Address(files, env);
  const { AwsClient } = await signingLibrary();
  const { sessionToken, ...keys } = signing;
  const signer = new AwsClient({
    ...keys,
    ...(sessionToken !== undefined && { sessionToken }),
    service: "s3",
  });
  const blobs = new S3Blobs(new S3Bucket({ url, signer, timeoutMs: ANSWER_MS }), prefix);
  await blobs.read("probe", 0, 1).catch((error: Error) => {
    throw new Error(`--files cannot be used: ${error.message}`);
  });
  const database = await Database.open(store);
  const draining = new SharedDraining(database.store(ALL, [DRAINING]));
  await draining.look();
  const slots = new SharedSlots((announced) => database.store(ALL, announced));
  return {
    ...{ name: `${place(store)} and ${place(files)}`, folder: undefined, isShared: true },
    ...{ blobs, draining, slots },
    stores: {
      open: (name) => database.store(name),
      exists: (name) => database.has(name),
      bytes: () => database.bytes(),
      close: async () => {},
    },
    writable: new SharedWritable(database, blobs),
    watch(changed) {
      const look = () => void draining.look().catch(() => undefined);
      const told = () => {
        look();
        slots.told();
      };
      const timer = setInterval(look, 5_000);
      const unwatch = database.watch((tenant) => (tenant === ALL ? told() : changed(tenant)));
      return () => {
        clearInterval(timer);
        unwatch();
      };
    },
    close: () => database.close(),
  };
}

/** An address for people, without the password that may be in it. */
export function place(address: string): string {
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}
