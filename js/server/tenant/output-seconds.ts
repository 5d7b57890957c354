/** How long the files of a batch are to live, from its creation to its end. */

import type { KV } from "../../core/types.ts";
import { outputSeconds, RUN } from "../keys.ts";
import { change } from "./change.ts";

/** Of a batch that was just created; one that an idempotency key found has its own, or has ended. */
export function keepOutputSeconds(kv: KV, batchId: string, seconds: number): Promise<void> {
  return change(kv, async (c) => {
    const key = outputSeconds(batchId);
    if ((await c.bytes(key)) !== null || (await c.bytes(RUN + batchId)) === null) return;
    c.setBytes(key, new TextEncoder().encode(String(seconds)));
  });
}
