/** A server-wide drain: before a deploy, nothing new of any batch starts, and what is in flight ends. */

/** What a server says of its drain. */
export interface Drain {
  object: "edgebatch.drain";
  draining: boolean;
  /** Since when, in Unix seconds; null when it does not drain. */
  draining_since: number | null;
  /** Batches that have something in flight, or are about to store what came of it. */
  batches_in_flight: number;
}

/** The drain of all tenants of a server, as the platform keeps it: it survives restarts. */
export interface Draining {
  /** Since when it drains, in Unix seconds; null when it does not. */
  since(): Promise<number | null>;
  /** How many batches have something in flight. */
  inFlight(): Promise<number>;
  /** Saying it again changes nothing. */
  set(drains: boolean): Promise<void>;
}

export async function stateOf(draining: Draining): Promise<Drain> {
  const [since, batches_in_flight] = [await draining.since(), await draining.inFlight()];
  return {
    ...{ object: "edgebatch.drain", draining: since !== null },
    ...{ draining_since: since, batches_in_flight },
  };
}
