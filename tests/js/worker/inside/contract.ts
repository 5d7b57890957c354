/** A Worker that runs the contract suites on the platform's own storage: `?suite=kv&test=3` runs one test. */

import { DurableObject } from "cloudflare:workers";
import { type ContractTest, filesContract, kvContract } from "../../../../js/contract/index.ts";
import { R2Files, type R2FilesBucket } from "../../../../js/hosts/files/r2.ts";
import { DurableObjectKV } from "../../../../js/hosts/kv/durable-object.ts";
import type { Bucket, DurableObjectNamespace, DurableObjectState } from "../../../../js/worker/env.ts";
import { r2Blobs } from "../../../../js/worker/r2-blobs.ts";
import { blobsTests } from "../../hosts/blobs-suite.ts";

interface Env {
  STORES: DurableObjectNamespace<Store>;
  FILES: R2FilesBucket & Bucket;
}

function kvTests(ctx: DurableObjectState) {
  const open = async () => new DurableObjectKV(ctx.storage);
  return kvContract(async () => ({ kv: await open(), reopen: open }));
}

function filesTests(bucket: R2FilesBucket) {
  return filesContract(async () => {
    const prefix = `${crypto.randomUUID()}/`;
    const open = async () => new R2Files({ bucket, prefix });
    return { files: await open(), reopen: open, remove: (files, id) => (files as R2Files).delete(id) };
  });
}

/** Each test has a part of the bucket to itself. */
function r2Tests(bucket: Bucket) {
  return blobsTests(async () => {
    const blobs = r2Blobs(bucket);
    const own = `${crypto.randomUUID()}/`;
    return {
      read: (key, ...range) => blobs.read(own + key, ...range),
      open: (key, ...range) => blobs.open(own + key, ...range),
      write: (key, began) => blobs.write(own + key, began),
      delete: (keys) => blobs.delete(keys.map((key) => own + key)),
      discard: (key, uploadId) => blobs.discard(own + key, uploadId),
    };
  });
}

export class Store extends DurableObject<Env> {
  async run(index: number): Promise<string> {
    return outcome(kvTests(this.ctx)[index]);
  }
}

async function outcome(test: ContractTest | undefined): Promise<string> {
  try {
    await (test as ContractTest).run();
    return "ok";
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const index = Number(searchParams.get("test"));
    const suite = searchParams.get("suite");
    if (suite === "files") return new Response(await outcome(filesTests(env.FILES)[index]));
    if (suite === "blobs") return new Response(await outcome(r2Tests(env.FILES)[index]));
    // A store of its own for each test.
    return new Response(await env.STORES.getByName(`store ${index}`).run(index));
  },
};
