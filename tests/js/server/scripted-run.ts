/** Runs of batches that behave as the core's do, over time that passes as it is told. */

import type { Clock } from "../../../js/server/upstreams/types.ts";
import type { ModelServers } from "../../../js/server/upstreams/upstreams.ts";
import { request } from "./model-servers.ts";

const never = new AbortController().signal;
/** How often the core looks though nothing has happened. */
const LOOK_MS = 500;

/**
 * A run as the core has it: it keeps as many requests in flight as it is allowed, looks anew when one ends or half a second
 * has passed, and sends again what was handed back.
 */
export class ScriptedRun {
  done = 0;
  inFlight = 0;
  most = 0;
  endedAt: number | undefined;
  readonly tenant: string;
  #left: number;

  constructor(
    upstreams: ModelServers,
    clock: Clock,
    options: { tenant: string; batch: string; count: number; window?: number },
  ) {
    const { tenant, batch, count, window = Number.POSITIVE_INFINITY } = options;
    this.tenant = tenant;
    this.#left = count;
    const inference = upstreams.inference(tenant, batch);
    const look = () => {
      while (this.#left > 0 && this.inFlight < Math.min(inference.allowance?.("") ?? 0, window)) {
        this.#left -= 1;
        this.inFlight += 1;
        this.most = Math.max(this.most, this.inFlight);
        const over = (isDone: boolean) => {
          this.inFlight -= 1;
          if (isDone) this.done += 1;
          else this.#left += 1;
          if (this.done === count) this.endedAt = clock.now();
          look();
        };
        inference.infer(request(), never).then(
          () => over(true),
          () => clock.after(250, () => over(false)),
        );
      }
    };
    const tick = () => {
      if (this.endedAt !== undefined) return;
      look();
      clock.after(LOOK_MS, tick);
    };
    tick();
  }
}
