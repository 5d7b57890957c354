/** The drain of all servers that share a state: a record beside those of tenants, which each of them looks at. */

import type { KV } from "../../../core/types.ts";
import { now } from "../../../server/ids.ts";
import type { ServeDrain } from "../state.ts";

const KEY = "draining";

export class SharedDraining implements ServeDrain {
  readonly #kv: KV;
  #since: number | null = null;
  #drained: Parameters<ServeDrain["of"]>[0] | undefined;

  constructor(kv: KV) {
    this.#kv = kv;
  }

  of(drained: Parameters<ServeDrain["of"]>[0]): void {
    this.#drained = drained;
  }

  current(): number | null {
    return this.#since;
  }

  async since(): Promise<number | null> {
    await this.look();
    return this.#since;
  }

  async inFlight(): Promise<number> {
    return (await this.#drained?.inFlight()) ?? 0;
  }

  async set(drains: boolean): Promise<void> {
    if (drains === ((await this.since()) !== null)) return;
    if (drains) await this.#kv.set(KEY, new TextEncoder().encode(`${now()}`));
    else await this.#kv.delete(KEY);
    await this.look();
  }

  /** Whether another server has said something. */
  async look(): Promise<void> {
    const record = await this.#kv.get(KEY);
    // That it is there is the drain: what cannot be understood stands since now.
    const since = record && (Number.parseInt(new TextDecoder().decode(record), 10) || now());
    const isNew = (since === null) !== (this.#since === null);
    this.#since = since;
    if (isNew) this.#drained?.changed();
  }
}

/** The key whose writes are announced. */
export const DRAINING = KEY;
