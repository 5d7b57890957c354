/** Where webhooks go. */

import type { SendWebhook } from "../../../js/server/webhooks/types.ts";
import { DeadError, type Lifetime } from "./life.ts";
import type { Surroundings } from "./surroundings.ts";

export class Site {
  /** Batches whose end was told, by the tenant whose endpoint it is. */
  readonly told = new Map<string, Set<string>>();
  readonly #world: Surroundings;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  for(life: Lifetime): SendWebhook {
    const world = this.#world;
    return (url, { body, signal }) =>
      new Promise((resolve, reject) => {
        if (life.isDead) return reject(new DeadError());
        world.clock.after(world.chance.wait(50), () => {
          const isAway = world.happens("siteFails");
          // Whether the site has it and whether the server hears so are two things.
          if (!isAway || world.chance.happens(0.5)) {
            const { data } = JSON.parse(body);
            const tenant = new URL(url).pathname.slice(1);
            const told = this.told.get(tenant) ?? new Set();
            this.told.set(tenant, told.add(data.id));
          }
          if (life.isDead) return reject(new DeadError());
          if (world.mutant === "outbox") return resolve(200);
          if (world.happens("siteHangs")) {
            if (signal.aborted) return reject(signal.reason);
            return signal.addEventListener("abort", () => reject(signal.reason));
          }
          if (isAway) return world.chance.happens(0.5) ? resolve(503) : reject(new Error("no answer"));
          resolve(200);
        });
      });
  }
}
