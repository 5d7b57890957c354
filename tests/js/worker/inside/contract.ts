/** A Worker that runs the contract suites on the platform's own storage: `?suite=kv&test=3` runs one test. */

import { DurableObject } from "cloudflare:workers";
import { filesContract, kvContract } from "../../../../js/contract/index.ts";
import { R2Files, type R2FilesBucket } from "../../../../js/hosts/files/r2.ts";
import { DurableObjectKV } from "../../../../js/hosts/kv/durable-object.ts";
import type { DurableObjectNamespace, DurableObjectState } from "../../../../js/worker/env.ts";

interface Env {
  STORES: DurableObjectNamespace<Store>;
  FILES: R2FilesBucket;
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

export class Store extends DurableObject<Env> {
  async run(index: number): Promise<string> {
    return outcome(kvTests(this.ctx)[index]);
  }
}

async function outcome(test: { run(): Promise<void> } | undefined): Promise<string> {
  try {
    await (test as { run(): Promise<void> }).run();
    return "ok";
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const index = Number(searchParams.get("test"));
    if (searchParams.get("suite") === "files")
      return new Response(await outcome(filesTests(env.FILES)[index]));
    // A store of its own for each test.
    return new Response(await env.STORES.getByName(`store ${index}`).run(index));
  },
};
