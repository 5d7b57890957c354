/** What the platform and the model server do to a batch. Times are means, in milliseconds; Infinity is never. */

export type Kind = "Tenant" | "Runner" | "Lane";

export interface Faults {
  /** An object that is in memory is evicted, or its machine dies. */
  evictionMs: Record<Kind, number>;
  /** A new version of the Worker replaces all objects at once. */
  deployMs: number;
  /** How many of the alarms of Runners never come. */
  lostAlarm: number;
  /** Lanes that may start in a second: more are refused as too much load. */
  startsPerSecond: number;
  /** How many of R2's answers take `slowMs`. */
  slowR2: number;
  slowMs: number;
  /** How many of R2's answers are errors. */
  failedR2: number;
  /** Calls that the model server takes at once: it refuses more by 429. */
  capacity: number;
  /** How many calls lose their connection. */
  lostCalls: number;
}

const never = Number.POSITIVE_INFINITY;

export const noFaults: Faults = {
  evictionMs: { Tenant: never, Runner: never, Lane: never },
  ...{ deployMs: never, lostAlarm: 0, startsPerSecond: never },
  ...{ slowR2: 0, slowMs: 0, failedR2: 0, capacity: never, lostCalls: 0 },
};

/** A bad day: everything at once, and more often than anybody has told of. */
export const badDay: Faults = {
  evictionMs: { Tenant: 20 * 60_000, Runner: 10 * 60_000, Lane: 30 * 60_000 },
  ...{ deployMs: 10 * 60_000, lostAlarm: 0.02, startsPerSecond: 20 },
  ...{ slowR2: 0.01, slowMs: 5_000, failedR2: 0.01, capacity: never, lostCalls: 0.0001 },
};
