/** What a world that goes on for hours is measured by. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Sample {
  hour: number;
  batches: number;
  /** In use after all garbage was collected. */
  heapBytes: number;
  /** Timers that are set, of all servers and of the world. */
  timers: number;
}

let collect: (() => void) | undefined;

export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // What is let go by finalizers is there to be collected only then.
  for (let times = 0; times < 3; times++) collect();
}

/** What a process may have more at the end of its hours than after the first quarter of them. */
const MORE_BYTES = 2_000_000;
/** What the world itself, not the server in it, keeps of each batch: what it was, and that its end was told. */
const KEPT_BYTES = 500;
const MORE_TIMERS = 100;

/** What has grown from the first quarter of a world's hours to their end; null when nothing has. */
export function grown({ samples }: { samples: Sample[] }): string | null {
  const [first, last] = [samples[1], samples.at(-1)];
  if (!first || !last || first === last) return "it was not measured";
  const more = MORE_BYTES + KEPT_BYTES * (last.batches - first.batches);
  if (last.heapBytes > first.heapBytes + more)
    return `${first.heapBytes} bytes of memory became ${last.heapBytes}`;
  if (last.timers > first.timers + MORE_TIMERS) return `${first.timers} timers became ${last.timers}`;
  return null;
}
