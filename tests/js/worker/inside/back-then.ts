/** The Worker behind the platform's limits, at the time when its state was made: what is kept in it is as old as it was then. */

import { env as settings } from "cloudflare:workers";
import type { DurableObjectState } from "../../../../js/worker/env.ts";
import * as worker from "../../../../scripts/serve/worker/limits.mjs";

declare module "cloudflare:workers" {
  const env: Readonly<Record<string, string>>;
}

const behind = Number(settings.CLOCK_BEHIND_MS);
const now = Date.now.bind(Date);
Date.now = () => now() - behind;

/** The platform's alarms go by the platform's clock. */
function shifted({ storage }: DurableObjectState): void {
  const setAlarm = storage.setAlarm.bind(storage);
  const getAlarm = storage.getAlarm.bind(storage);
  Object.defineProperty(storage, "setAlarm", { value: (time: number) => setAlarm(time + behind) });
  Object.defineProperty(storage, "getAlarm", {
    value: async () => {
      const time = await getAlarm();
      return time === null ? null : time - behind;
    },
  });
}

export class Tenant extends worker.Tenant {
  constructor(...[ctx, env]: ConstructorParameters<typeof worker.Tenant>) {
    shifted(ctx);
    super(ctx, env);
  }
}

export class Runner extends worker.Runner {
  constructor(...[ctx, env]: ConstructorParameters<typeof worker.Runner>) {
    shifted(ctx);
    super(ctx, env);
  }
}

export { Lane } from "../../../../scripts/serve/worker/limits.mjs";
export default worker.default;
