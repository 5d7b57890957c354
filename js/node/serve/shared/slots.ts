/** Where servers that share a state lease the places of model servers: records beside the one of the drain. */

import type { KV } from "../../../core/types.ts";
import { SLOTS } from "../../../server/keys.ts";
import type { SlotStore } from "../../../server/upstreams/leased-slots.ts";

export class SharedSlots implements SlotStore {
  readonly #quiet: KV;
  readonly #loud: KV;
  readonly #looks: (() => void)[] = [];

  /** Opens a store whose writes to keys that begin so are announced. */
  constructor(open: (announced: readonly string[]) => KV) {
    this.#quiet = open([]);
    this.#loud = open([SLOTS]);
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.#quiet.get(key);
  }

  async replace(
    key: string,
    before: Uint8Array | null,
    after: Uint8Array | null,
    tells: boolean,
  ): Promise<boolean> {
    const kv = tells ? this.#loud : this.#quiet;
    const op =
      after === null ? ({ type: "delete", key } as const) : ({ type: "set", key, value: after } as const);
    return (await kv.batch?.([op], [{ key, value: before }])) === true;
  }

  onTold(look: () => void): void {
    this.#looks.push(look);
  }

  told(): void {
    for (const look of this.#looks) look();
  }
}
