/** The Worker behind the platform's limits, with objects that can be made to die as in an eviction: at once, in the middle of whatever they do. */

import type { DurableObjectNamespace, DurableObjectState, Env } from "../../../../js/worker/env.ts";
import worker, {
  Lane as RealLane,
  Runner as RealRunner,
  Tenant as RealTenant,
} from "../../../../scripts/serve/worker/limits.mjs";

interface Dying {
  die(): Promise<void>;
}

function abort(ctx: DurableObjectState): void {
  (ctx as DurableObjectState & { abort(reason: string): void }).abort("evicted by the test");
}

export class Runner extends RealRunner {
  die(): void {
    abort(this.ctx);
  }
}

export class Lane extends RealLane {
  die(): void {
    abort(this.ctx);
  }
}

export class Tenant extends RealTenant {
  die(): void {
    abort(this.ctx);
  }
}

export default {
  ...worker,
  async fetch(request: Request, env: Env, ctx: never): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/die") return worker.fetch(request, env, ctx);
    const kinds = { Runner: env.RUNNERS, Tenant: env.TENANTS, Lane: env.LANES };
    const objects = kinds[searchParams.get("class") as keyof typeof kinds] as unknown;
    const stub = (objects as DurableObjectNamespace<Dying>).getByName(searchParams.get("name") as string);
    // It dies before it can answer.
    await stub.die().catch(() => undefined);
    return new Response("dead");
  },
};
