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
const asked = new Set<string>();

/** What is known of a server by now. */
export function featuresOf({ base }: Connection): Features {
  return known.value.get(base) ?? NONE;
}

/** Asks a server, unless it was asked before. */
export async function learnFeatures(to: Connection): Promise<void> {
  const { base } = to;
  if (asked.has(base)) return;
  asked.add(base);
  try {
    const { data } = await json<{ data?: unknown }>(to, "/webhook_event_types");
    const types = Array.isArray(data) ? data.filter((type) => typeof type === "string") : [];
    const events = types.filter((type) => type.startsWith("batch."));
    const isOurs = events.length > 0 && events.length === types.length;
    known.value = new Map(known.value).set(base, { events, isOurs });
  } catch {
    // It has none, or cannot be reached.
  }
}
