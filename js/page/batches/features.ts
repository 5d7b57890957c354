/** What a server has besides batches. It is asked once: for the events that it tells of. */
import { signal } from "@preact/signals";
import { json } from "./api.ts";
import type { Connection } from "./connection.ts";

export interface Features {
  /** Events that webhooks may be told of; none where there are no webhooks. */
  events: string[];
  /**
   * Whether batches can be paused, and followed while they run. Servers that tell of the ends of batches, and of nothing else,
   * are of our kind, which can.
   */
  isOurs: boolean;
}

const NONE: Features = { events: [], isOurs: false };
const known = signal<ReadonlyMap<string, Features>>(new Map());
const asked = new Map<string, Promise<void>>();

/** What is known of a server by now. */
export function featuresOf({ base }: Connection): Features {
  return known.value.get(base) ?? NONE;
}

/** Whether a server keeps to a cap in tokens, as far as is known: one that was not asked yet may. */
export function mayCap(to: Connection | null): boolean {
  return !to || known.value.get(to.base)?.isOurs !== false;
}

/** Asks a server, unless it was asked before. */
export function learnFeatures(to: Connection): Promise<void> {
  const asking = asked.get(to.base) ?? learn(to);
  asked.set(to.base, asking);
  return asking;
}

async function learn(to: Connection): Promise<void> {
  let features = NONE;
  try {
    const { data } = await json<{ data?: unknown }>(to, "/webhook_event_types");
    const types = Array.isArray(data) ? data.filter((type) => typeof type === "string") : [];
    const events = types.filter((type) => type.startsWith("batch."));
    features = { events, isOurs: events.length > 0 && events.length === types.length };
  } catch {
    // It has none, or cannot be reached.
  }
  known.value = new Map(known.value).set(to.base, features);
}
